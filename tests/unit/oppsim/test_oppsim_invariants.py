"""What holds in every network, whoever meets whom and whatever the routing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.oppsim.parameters import ROUTINGS
from tests.unit.oppsim.conftest import run_network

NODES = 6


@st.composite
def meetings(draw: st.DrawFn) -> list[tuple[float, float, int, int]]:
    """Contacts in which no pair meets while it is meeting."""
    found: list[tuple[float, float, int, int]] = []
    for a in range(NODES):
        for b in range(a + 1, NODES):
            times = draw(st.lists(st.integers(0, 60), max_size=6, unique=True).map(sorted))
            found += [(times[i], times[i + 1], a, b) for i in range(0, len(times) - 1, 2)]
    return found


pairs = st.tuples(st.integers(0, NODES - 1), st.integers(1, NODES - 1))
demands = st.lists(st.tuples(st.integers(0, 60), pairs), max_size=15).map(
    lambda drawn: sorted((time, a, (a + step) % NODES) for time, (a, step) in drawn)
)


@settings(max_examples=60, deadline=None)
@given(
    meetings(),
    demands,
    st.sampled_from(ROUTINGS),
    st.sampled_from(["0bps", "80kbps", "30kbps"]),
    st.sampled_from(["0B", "25kB", "10kB", "5kB"]),
    st.sampled_from(["0s", "20s"]),
)
def test_messages_are_neither_made_nor_lost_without_being_counted(
    contacts: list[tuple[float, float, int, int]],
    messages: list[tuple[float, int, int]],
    routing: str,
    bandwidth: str,
    buffer_size: str,
    ttl: str,
) -> None:
    ini = (
        f'OppNet.routing = "{routing}"\nOppNet.bandwidth = {bandwidth}\nOppNet.ttl = {ttl}\n'
        f"**.bufferSize = {buffer_size}\nOppNet.copies = 3\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        scalars = run_network(Path(directory), contacts, messages, ini=ini)

    created, relayed, delivered, dropped, expired = (
        scalars[f"messages{what}:count"]
        for what in ("Created", "Relayed", "Delivered", "Dropped", "Expired")
    )
    assert created == len(messages)
    assert delivered <= min(created, relayed)
    if ttl == "20s":  # every copy came to an end, and each end was counted
        assert created + relayed >= delivered + dropped + expired
    if routing == "DirectDelivery":
        assert relayed == delivered
        assert not scalars["hopCount:max"] > 1
    if routing == "SprayAndWait":
        assert relayed - delivered <= 2 * created
    capacity = float(buffer_size[:-2]) * 1000 if buffer_size != "0B" else float("inf")
    for node in range(NODES):
        assert scalars[f"node[{node}].bufferOccupancy:max"] <= capacity
    for what in ("Created", "Relayed", "Delivered", "Dropped", "Expired"):
        of_nodes = sum(scalars[f"node[{node}].messages{what}:count"] for node in range(NODES))
        assert of_nodes == scalars[f"messages{what}:count"]
