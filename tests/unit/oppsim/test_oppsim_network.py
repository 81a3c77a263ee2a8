"""What becomes of messages in networks of a handful of contacts.

Messages have 10 kB and bandwidth is 80 kbit/s, so a transfer takes one second.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simcrate.results import open_results
from tests.unit.oppsim.conftest import Meetings, Simulate

SLOW = "OppNet.bandwidth = 80kbps\n"
FOREVER = math.inf


def routed(routing: str, more: str = "") -> str:
    return f'OppNet.routing = "{routing}"\n{SLOW}{more}'


def test_a_message_is_delivered_when_its_source_meets_the_destination(simulate: Simulate) -> None:
    scalars = simulate([(10, 20, 0, 1)], [(4, 0, 1)], ini=SLOW)

    assert scalars["messagesDelivered:count"] == 1
    assert scalars["delay:mean"] == 7
    assert scalars["hopCount:mean"] == 1
    assert scalars["deliveryRatio:last"] == 1
    assert scalars["overheadRatio:last"] == 0


def test_a_message_created_during_a_contact_is_sent_at_once(simulate: Simulate) -> None:
    assert simulate([(0, 50, 0, 1)], [(4, 0, 1)], ini=SLOW)["delay:mean"] == 1


def test_a_contact_that_breaks_aborts_the_transfer_and_nothing_remains(simulate: Simulate) -> None:
    scalars = simulate([(10, 10.9, 0, 1)], [(4, 0, 1)], ini=SLOW)

    assert scalars["transfersAborted:count"] == 1
    assert scalars["messagesDelivered:count"] == 0
    assert scalars["messagesRelayed:count"] == 0


def test_a_transfer_that_was_aborted_is_made_again_at_the_next_contact(simulate: Simulate) -> None:
    scalars = simulate([(10, 10.9, 0, 1), (30, 40, 0, 1)], [(4, 0, 1)], ini=SLOW)

    assert scalars["delay:mean"] == 27


def test_another_neighbour_sends_what_a_broken_contact_did_not_bring(simulate: Simulate) -> None:
    meetings = [(0, 5, 0, 1), (9.5, 10, 0, 2), (9.6, 20, 1, 2)]

    scalars = simulate(meetings, [(1, 0, 2)], ini=SLOW)

    assert scalars["transfersAborted:count"] == 1
    assert scalars["delay:mean"] == 10
    assert scalars["hopCount:mean"] == 2


def test_the_only_copy_goes_to_another_neighbour_when_a_contact_breaks(simulate: Simulate) -> None:
    meetings = [(10, 10.5, 0, 1), (10.2, 20, 0, 2), (30, 40, 2, 3)]

    scalars = simulate(meetings, [(0, 0, 3)], ini=routed("FirstContact"))

    assert scalars["transfersAborted:count"] == 1
    assert scalars["delay:mean"] == 31


def test_a_link_carries_one_message_after_the_other(simulate: Simulate) -> None:
    scalars = simulate([(10, 20, 0, 1)], [(1, 0, 1), (2, 0, 1), (3, 0, 1)], ini=SLOW)

    assert scalars["messagesDelivered:count"] == 3
    assert scalars["delay:max"] == 10
    assert scalars["delay:mean"] == 10


def test_the_two_ends_of_a_link_take_turns(simulate: Simulate) -> None:
    demands = [(1, 0, 1), (1, 0, 1), (1, 1, 0), (1, 1, 0)]

    scalars = simulate([(10, 12.5, 0, 1)], demands, ini=SLOW)

    assert scalars["node[0].messagesDelivered:count"] == 1
    assert scalars["node[1].messagesDelivered:count"] == 1


def test_messages_for_the_peer_go_before_those_to_be_relayed(simulate: Simulate) -> None:
    scalars = simulate([(10, 11.5, 0, 1)], [(1, 0, 2), (2, 0, 1)], ini=SLOW)

    assert scalars["messagesDelivered:count"] == 1


def test_without_a_limit_of_bandwidth_transfers_take_no_time(simulate: Simulate) -> None:
    scalars = simulate(
        [(10, 20, 0, 1), (10, 20, 1, 2)], [(4, 0, 2)], ini="OppNet.bandwidth = 0bps\n"
    )

    assert scalars["delay:mean"] == 6


CHAIN = [(10, 20, 0, 1), (30, 40, 1, 2), (50, 60, 2, 3), (70, 80, 0, 3)]


def test_epidemic_routing_takes_every_opportunity(simulate: Simulate) -> None:
    scalars = simulate(CHAIN, [(0, 0, 3)], ini=routed("Epidemic"))

    assert scalars["delay:mean"] == 51
    assert scalars["hopCount:mean"] == 3
    assert scalars["messagesRelayed:count"] == 3
    assert scalars["overheadRatio:last"] == 2


def test_direct_delivery_waits_for_the_destination(simulate: Simulate) -> None:
    scalars = simulate(CHAIN, [(0, 0, 3)], ini=routed("DirectDelivery"))

    assert scalars["delay:mean"] == 71
    assert scalars["messagesRelayed:count"] == 1


def test_first_contact_hands_the_only_copy_on(simulate: Simulate) -> None:
    scalars = simulate([(10, 20, 0, 1), (30, 40, 0, 3)], [(0, 0, 3)], ini=routed("FirstContact"))

    assert scalars["messagesDelivered:count"] == 0
    assert scalars["messagesRelayed:count"] == 1
    assert scalars["node[0].bufferOccupancy:max"] == 10_000
    assert scalars["node[0].bufferOccupancy:timeavg"] == pytest.approx(10_000 * 11 / 40)


def test_first_contact_never_returns_a_message_to_whoever_had_it(simulate: Simulate) -> None:
    scalars = simulate([(10, 90, 0, 1)], [(0, 0, 3)], ini=routed("FirstContact"))

    assert scalars["messagesRelayed:count"] == 1


def test_first_contact_sends_to_one_neighbour_only(simulate: Simulate) -> None:
    meetings = [(10, 90, 0, 1), (10, 90, 0, 2)]

    assert simulate(meetings, [(0, 0, 3)], ini=routed("FirstContact"))["messagesRelayed:count"] == 1


def test_spray_and_wait_gives_half_of_its_copies_away(simulate: Simulate) -> None:
    meetings = [(10, 20, 0, 1), (30, 40, 0, 2), (50, 60, 0, 4), (70, 80, 1, 5)]

    scalars = simulate(meetings, [(0, 0, 3)], ini=routed("SprayAndWait", "OppNet.copies = 4\n"))

    # 0 gives 2 to 1, then 1 to 2, then keeps its last; 1 gives one of its two to 5
    assert scalars["messagesRelayed:count"] == 3
    assert scalars["node[1].messagesRelayed:count"] == 1


def test_spray_and_wait_with_one_copy_is_direct_delivery(simulate: Simulate) -> None:
    scalars = simulate(CHAIN, [(0, 0, 3)], ini=routed("SprayAndWait", "OppNet.copies = 1\n"))

    assert scalars["delay:mean"] == 71


def test_prophet_hands_copies_to_whoever_met_the_destination_before(simulate: Simulate) -> None:
    meetings = [(10, 12, 1, 3), (20, 22, 0, 1), (24, 26, 0, 2), (30, 32, 1, 3)]

    scalars = simulate(meetings, [(15, 0, 3)], ini=routed("Prophet"))

    assert scalars["messagesDelivered:count"] == 1
    assert scalars["messagesRelayed:count"] == 2  # to 1 and from 1 to 3, never to 2
    assert scalars["hopCount:mean"] == 2


def test_a_full_buffer_drops_its_oldest_copies(simulate: Simulate) -> None:
    demands = [(1, 0, 1), (2, 0, 1), (3, 0, 1)]

    scalars = simulate([(10, 20, 0, 1)], demands, ini=SLOW + "**.bufferSize = 25kB\n")

    assert scalars["messagesDropped:count"] == 1
    assert scalars["messagesDelivered:count"] == 2
    assert scalars["node[0].bufferOccupancy:max"] == 20_000


def test_a_copy_that_is_being_sent_is_not_dropped(simulate: Simulate) -> None:
    scalars = simulate(
        [(0, 20, 0, 1)], [(1, 0, 1), (1.5, 0, 1)], ini=SLOW + "**.bufferSize = 10kB\n"
    )

    assert scalars["messagesDelivered:count"] == 1
    assert scalars["messagesDropped:count"] == 1
    assert scalars["delay:mean"] == 1


def test_a_node_whose_buffer_is_too_small_is_no_relay_but_gets_its_own_messages(
    simulate: Simulate,
) -> None:
    small = SLOW + "OppNet.node[1].bufferSize = 5kB\n"

    scalars = simulate([(10, 90, 0, 1)], [(0, 0, 3), (0, 0, 1)], ini=small)

    assert scalars["messagesRelayed:count"] == 1
    assert scalars["messagesDelivered:count"] == 1


def test_copies_leave_all_buffers_when_their_time_to_live_ends(simulate: Simulate) -> None:
    scalars = simulate(
        [(10, 20, 0, 1), (70, 80, 0, 3)], [(0, 0, 3)], ini=SLOW + "OppNet.ttl = 60s\n", until_s=100
    )

    assert scalars["messagesExpired:count"] == 2
    assert scalars["messagesDelivered:count"] == 0


def test_a_message_that_expires_on_its_way_is_not_delivered(simulate: Simulate) -> None:
    scalars = simulate([(10, 20, 0, 1)], [(0, 0, 1)], ini=SLOW + "OppNet.ttl = 10.5s\n")

    assert scalars["messagesDelivered:count"] == 0
    assert scalars["transfersAborted:count"] == 1
    assert scalars["messagesExpired:count"] == 1


def test_a_destination_takes_a_message_only_once(simulate: Simulate) -> None:
    meetings = [(10, 20, 0, 1), (30, 40, 0, 2), (50, 60, 1, 2)]

    scalars = simulate(meetings, [(0, 0, 2)], ini=SLOW)

    assert scalars["messagesDelivered:count"] == 1
    assert scalars["messagesRelayed:count"] == 2


def test_ratios_without_anything_to_divide_by_are_nan(simulate: Simulate) -> None:
    scalars = simulate([(10, 20, 0, 1)], [])

    for name in ("deliveryRatio:last", "overheadRatio:last", "delay:mean", "hopCount:max"):
        assert math.isnan(scalars[name])
    assert scalars["messagesCreated:count"] == 0


def test_contacts_their_duration_and_the_time_between_them_are_measured(simulate: Simulate) -> None:
    scalars = simulate([(10, 20, 0, 1), (50, 80, 0, 1), (5, 95, 2, 3)], [], until_s=100)

    assert scalars["contacts:count"] == 3
    assert scalars["contactDuration:mean"] == pytest.approx((10 + 30 + 90) / 3)
    assert scalars["interContactTime:mean"] == 30
    assert scalars["node[0].contacts:count"] == 2


def test_the_neighbourhood_is_averaged_over_time_and_nodes(simulate: Simulate) -> None:
    scalars = simulate([(0, 30, 0, 1), (10, 40, 0, 2), (0, 100, 4, 5)], [(99, 4, 5)], until_s=101)

    # contacts end at 100, after which nothing happens any more
    assert scalars["node[0].neighbourhoodSize:timeavg"] == pytest.approx(60 / 100, rel=0.02)
    assert scalars["node[0].neighbourhoodSize:max"] == 2
    assert scalars["neighbourhoodSize:timeavg"] == pytest.approx(2 * 160 / 100 / 6, rel=0.02)


def test_what_happens_before_the_end_of_the_warm_up_does_not_count(simulate: Simulate) -> None:
    meetings = [(10, 20, 0, 1), (60, 70, 0, 1)]

    scalars = simulate(meetings, [(5, 0, 1), (30, 0, 1), (40, 0, 1)], ini=SLOW, warmup_s=35)

    assert scalars["messagesCreated:count"] == 1
    assert scalars["messagesDelivered:count"] == 1
    assert scalars["contacts:count"] == 1
    assert scalars["deliveryRatio:last"] == 1


@pytest.mark.parametrize(
    ("what", "meetings", "ini"),
    [
        ("messagesRelayed", [(10, 20, 0, 1)], SLOW),
        ("messagesDropped", [], SLOW + "**.bufferSize = 15kB\n"),
        ("messagesExpired", [], SLOW + "OppNet.ttl = 10s\n"),
        ("transfersAborted", [(10, 10.5, 0, 1)], SLOW),
    ],
)
def test_what_becomes_of_messages_from_before_the_end_of_the_warm_up_does_not_count(
    simulate: Simulate, what: str, meetings: Meetings, ini: str
) -> None:
    demands = [(5, 0, 1), (8, 0, 1)]

    assert simulate(meetings, demands, ini=ini)[f"{what}:count"] > 0
    scalars = simulate(meetings, demands, ini=ini, warmup_s=8.5)
    assert scalars[f"{what}:count"] == 0
    assert scalars.get(f"node[0].{what}:count", 0) == 0


def test_direct_delivery_has_no_overhead_whatever_was_created_before_the_end_of_the_warm_up(
    simulate: Simulate,
) -> None:
    scalars = simulate([(60, 70, 0, 1)], [(5, 0, 1), (40, 0, 1)], ini=SLOW, warmup_s=35)

    assert scalars["messagesDelivered:count"] == 1
    assert scalars["overheadRatio:last"] == 0


HELD = [
    ("OppNet", "contactsUp:vector"),
    ("OppNet", "bufferOccupancy:vector"),
    ("OppNet.node[5]", "bufferOccupancy:vector"),
    ("OppNet.node[5]", "neighbourhoodSize:vector"),
]


def first_samples(directory: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Time and value of the first sample of every vector that has one."""
    results = open_results([directory / "x.vec"])
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for vector in results.vectors().to_pylist():
        for batch in results.samples(vector["vector"]):
            sample = (batch.column("time_s")[0].as_py(), batch.column("value")[0].as_py())
            found.setdefault((vector["module"], vector["name"]), sample)
    return found


def test_held_values_are_recorded_from_the_start_whether_or_not_they_change(
    simulate: Simulate, tmp_path: Path
) -> None:
    simulate([(10, 20, 0, 1)], [(5, 0, 1)], ini=SLOW)

    first = first_samples(tmp_path)

    assert {first[vector] for vector in HELD} == {(0, 0)}
    assert first["OppNet", "deliveryRatio:vector"] == (5, 0)


def test_held_values_are_recorded_at_the_end_of_the_warm_up_as_they_are_then(
    simulate: Simulate, tmp_path: Path
) -> None:
    simulate([(10, 50, 0, 5)], [(20, 5, 1)], ini=SLOW, warmup_s=30)

    first = first_samples(tmp_path)

    assert [first[vector] for vector in HELD] == [
        (30, 1),
        (30, pytest.approx(2 * 10_000 / 6)),  # epidemic: 0 has a copy, too
        (30, 10_000),
        (30, 1),
    ]
