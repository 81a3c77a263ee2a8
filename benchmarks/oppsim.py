"""Contact detection of many nodes: one sorted sweep in numpy against the plain double loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from benchmarks import Row
from simcrate.oppsim.contacts import pairs_within

NODES = 500
AREA_M = 1000.0
RANGE_M = 50.0
ROUNDS = 5


def run() -> list[Row]:
    positions = np.random.default_rng(1).random((NODES, 2)) * AREA_M
    points = [(float(x), float(y)) for x, y in positions]
    ours_s = seconds(lambda: pairs_within(positions, RANGE_M))
    peer_s = seconds(lambda: double_loop(points))
    assert len(pairs_within(positions, RANGE_M)) == len(double_loop(points))
    return [
        Row(
            claim=f"oppsim finds all contacts of {NODES} nodes",
            ours=f"{ours_s * 1e3:.2f} ms",
            peer=f"double loop {peer_s * 1e3:.1f} ms",
            ratio=peer_s / ours_s,
            target=20.0,
        )
    ]


def double_loop(points: list[tuple[float, float]]) -> list[tuple[int, int]]:
    return [
        (a, b)
        for a, first in enumerate(points)
        for b in range(a + 1, len(points))
        if math.dist(first, points[b]) <= RANGE_M
    ]


def seconds(call: Callable[[], object]) -> float:
    """The best of a few rounds."""
    best = math.inf
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
    return best
