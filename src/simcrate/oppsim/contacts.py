"""Who is in reach of whom: contacts found in positions, step by step.

Knows nothing of messages.  A contact is a pair of nodes `(a, b)` with a < b.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from simcrate.oppsim.mobility import Points, RandomWaypoint

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A moment at which contacts may change."""

    time_s: float
    """Simulated time; never decreases from step to step."""

    down: tuple[Pair, ...]
    """Contacts that end; they end before others begin."""

    up: tuple[Pair, ...]
    """Contacts that begin."""


ContactSource = Iterator[Step]
"""Steps in the order of time; may end, or never end."""


def contacts_of(mobility: RandomWaypoint, *, range_m: float, interval_s: float) -> ContactSource:
    """Contacts of moving nodes, looked at in regular intervals; never ends.

    Args:
        mobility: the nodes.
        range_m: two nodes are in contact while their distance is at most this.
        interval_s: how often they are looked at; a contact shorter than this may be missed.
    """
    earlier = np.empty(0, dtype=np.int64)
    for number in count():
        time_s = number * interval_s
        positions = mobility.positions(time_s)
        nodes = len(positions)
        pairs = pairs_within(positions, range_m)
        current = pairs[:, 0] * nodes + pairs[:, 1]
        up = np.setdiff1d(current, earlier, assume_unique=True)
        down = np.setdiff1d(earlier, current, assume_unique=True)
        earlier = current
        yield Step(time_s=time_s, down=_pairs(down, nodes), up=_pairs(up, nodes))


def pairs_within(positions: Points, range_m: float) -> NDArray[np.int64]:
    """All pairs of points not farther apart than a distance.

    Args:
        positions: (n, 2), metres.
        range_m: the distance, metres.

    Returns:
        (m, 2) indices with a < b, in no particular order.

    The points are sorted along x; only pairs that are near in x are looked at, all at once.
    """
    order = np.argsort(positions[:, 0], kind="stable")
    x, y = positions[order].T
    ends = np.searchsorted(x, x + range_m, side="right")
    partners = ends - np.arange(len(x)) - 1
    first = np.repeat(np.arange(len(x)), partners)
    starts = np.cumsum(partners) - partners
    second = first + 1 + np.arange(len(first)) - np.repeat(starts, partners)
    near = (x[second] - x[first]) ** 2 + (y[second] - y[first]) ** 2 <= range_m**2
    a, b = order[first[near]], order[second[near]]
    return np.column_stack((np.minimum(a, b), np.maximum(a, b)))


def _pairs(keys: NDArray[np.int64], nodes: int) -> tuple[Pair, ...]:
    return tuple((key // nodes, key % nodes) for key in keys.tolist())
