"""Who wants to tell whom something, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A message that is to be created."""

    time_s: float
    """Simulated time; never decreases from one demand to the next."""

    source: int
    destination: int
    """Another node than the source."""


TrafficSource = Iterator[Demand]
"""Demands in the order of time; may end, or never end."""


def poisson_traffic(
    node_count: int, interval_s: float, random: np.random.Generator
) -> TrafficSource:
    """Messages in a Poisson process between two nodes drawn uniformly; never ends.

    Args:
        node_count: how many nodes, at least 2.
        interval_s: mean time from one message to the next, in the whole network.
        random: the stream of random numbers of traffic.
    """
    time_s = 0.0
    while True:
        time_s += random.exponential(interval_s)
        source = int(random.integers(node_count))
        destination = int(random.integers(node_count - 1))
        yield Demand(
            time_s=time_s, source=source, destination=destination + (destination >= source)
        )
