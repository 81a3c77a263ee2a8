"""Delays against their closed forms in a homogeneous network.

Every pair of n nodes meets in a Poisson process of rate β, contacts are as good as instantaneous and
transfers take no time.  Then direct delivery takes 1/β in the mean, and epidemic routing
H(n-1) / (β (n-1)) with H(m) = 1 + 1/2 + … + 1/m.

Source: Groenevelt, Nain, Koole: The message delay in mobile ad hoc networks, Performance Evaluation
62, 2005.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.integration.oppsim.conftest import Oppsim

NODES = 20
RATE = 1e-3  # per second and pair
HORIZON_S = 400_000.0
CONTACT_S = 1e-6

INI = f"""\
network = OppNet
sim-time-limit = {HORIZON_S:.0f}s
OppNet.numNodes = {NODES}
OppNet.mobility = "ContactTrace"
OppNet.traceFile = "trace.txt"
OppNet.bandwidth = 0bps
OppNet.messageInterval = 200s
**.bufferSize = 0B
OppNet.ttl = 20000s
OppNet.delay:vector.vector-recording = true
**.vector-recording = false
"""


def write_poisson_trace(path: Path, seed: int) -> None:
    """Contacts of all pairs until the horizon."""
    random = np.random.default_rng(seed)
    pairs = NODES * (NODES - 1) / 2
    count = random.poisson(pairs * RATE * HORIZON_S)
    begins = np.sort(random.uniform(0, HORIZON_S, count))
    first = random.integers(0, NODES, count)
    second = (first + random.integers(1, NODES, count)) % NODES
    events = [
        (time, word, a, b)
        for begin, a, b in zip(begins, first, second, strict=True)
        for time, word in ((begin, "up"), (begin + CONTACT_S, "down"))
    ]
    events.sort(key=lambda event: event[0])
    path.write_text("".join(f"{time:.9f} CONN {a} {b} {word}\n" for time, word, a, b in events))


def delays(oppsim: Oppsim, study_dir: Path, routing: str) -> np.ndarray:
    """Delays of messages created early enough to have had all the time they may need."""
    write_poisson_trace(study_dir / "trace.txt", seed=2005)
    (study_dir / "omnetpp.ini").write_text(INI)
    result = oppsim(f'--OppNet.routing="{routing}"', "--seed-set=3")
    assert result.returncode == 0, result.stderr
    lines = (study_dir / "results/General-#0.vec").read_text().splitlines()
    samples = np.array([line.split("\t")[2:] for line in lines if line[:1].isdigit()], dtype=float)
    created = samples[:, 0] - samples[:, 1]
    return np.asarray(samples[created < HORIZON_S - 20_000, 1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("routing", "expected_s"),
    [
        ("DirectDelivery", 1 / RATE),
        ("Epidemic", sum(1 / k for k in range(1, NODES)) / (RATE * (NODES - 1))),
    ],
)
def test_the_mean_delay_is_that_of_the_closed_form(
    oppsim: Oppsim, study_dir: Path, routing: str, expected_s: float
) -> None:
    measured = delays(oppsim, study_dir, routing)

    # messages share contacts: batch means give a standard error that allows for it
    batches = np.array([batch.mean() for batch in np.array_split(measured, 20)])
    standard_error = batches.std(ddof=1) / np.sqrt(len(batches))
    assert len(measured) > 1500
    assert standard_error < 0.05 * expected_s
    assert abs(measured.mean() - expected_s) < 3.5 * standard_error


@pytest.mark.slow
def test_direct_delivery_delays_are_exponential(oppsim: Oppsim, study_dir: Path) -> None:
    measured = np.sort(delays(oppsim, study_dir, "DirectDelivery"))
    ranks = np.arange(1, len(measured) + 1) / len(measured)

    distance = np.abs(ranks - (1 - np.exp(-measured * RATE))).max()

    assert distance < 1.95 / np.sqrt(len(measured))  # Kolmogorov-Smirnov, alpha = 0.001
