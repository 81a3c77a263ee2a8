"""Random waypoint mobility, started in its stationary distribution.

Each node walks in a straight line to a point drawn uniformly from the area, at a speed drawn uniformly
from [slowest, fastest], pauses there for a time drawn uniformly from [0, longest], and so on.

A simulation that starts all nodes at uniform points and full walks is transient for a long time: nodes
gather in the middle and the mean speed decays (Yoon, Liu, Noble: Random waypoint considered harmful,
INFOCOM 2003).  So the start is drawn from the stationary distribution (Navidi, Camp: Stationary
distributions for the random waypoint mobility model, IEEE TMC 3(1), 2004; Le Boudec, Vojnović: Perfect
simulation and stationarity of a class of mobility models, INFOCOM 2005): results are stationary from
t = 0 on and need no warm-up for mobility's sake.  A least speed of 0 has no stationary distribution and
is refused where parameters are read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoints:
    """What random waypoint mobility is made of."""

    area_m: tuple[float, float]
    """Width and height of the rectangle."""

    speed_mps: tuple[float, float]
    """Slowest and fastest speed, both > 0."""

    max_pause_s: float
    """Longest pause; 0 for none."""


class RandomWaypoint:
    """Positions of all nodes, advanced together.

    Args:
        node_count: how many nodes.
        waypoints: what they do.
        random: the stream of random numbers of mobility.
    """

    def __init__(self, node_count: int, waypoints: Waypoints, random: np.random.Generator) -> None:
        self._waypoints = waypoints
        self._random = random
        self._now_s = 0.0
        self._start(node_count)

    def positions(self, time_s: float) -> Points:
        """Positions (node_count, 2), metres, at a time that is not before the last one asked for."""
        self._now_s = time_s
        while (due := np.flatnonzero(self._until <= time_s)).size:
            self._next_leg(due)
        elapsed = np.minimum(time_s - self._since, self._walk_s)
        share = np.divide(elapsed, self._walk_s, out=np.ones_like(elapsed), where=self._walk_s > 0)
        return self._origin + (self._target - self._origin) * share[:, np.newaxis]

    def _start(self, node_count: int) -> None:
        """Draw legs of which a stationary share has passed at time 0."""
        random = self._random
        pausing = random.random(node_count) < _pausing_share(self._waypoints)
        self._origin, self._target = self._long_legs(node_count)
        slowest, fastest = self._waypoints.speed_mps
        # the speed that is seen at a random time has a density proportional to 1/v
        speed = slowest * (fastest / slowest) ** random.random(node_count)
        self._walk_s = _lengths(self._origin, self._target) / speed
        passed_s = self._walk_s * random.random(node_count)
        pause_s = self._waypoints.max_pause_s * random.random(node_count)
        # the pause that is seen has a density proportional to its length, any part of it may be left
        seen_s = self._waypoints.max_pause_s * np.sqrt(random.random(node_count))
        left_s = seen_s * random.random(node_count)
        standing = random.random((node_count, 2)) * self._waypoints.area_m
        self._origin = np.where(pausing[:, np.newaxis], standing, self._origin)
        self._target = np.where(pausing[:, np.newaxis], standing, self._target)
        self._walk_s = np.where(pausing, 0.0, self._walk_s)
        self._since = np.where(pausing, 0.0, -passed_s)
        self._until = np.where(pausing, left_s, self._walk_s - passed_s + pause_s)

    def _long_legs(self, count: int) -> tuple[Points, Points]:
        """Legs between uniform points, accepted with a probability proportional to their length."""
        origins = np.empty((count, 2))
        targets = np.empty((count, 2))
        longest = math.hypot(*self._waypoints.area_m)
        missing = np.arange(count)
        while missing.size:
            ends = self._random.random((2, missing.size, 2)) * self._waypoints.area_m
            accepted = self._random.random(missing.size) * longest < _lengths(ends[0], ends[1])
            origins[missing[accepted]] = ends[0][accepted]
            targets[missing[accepted]] = ends[1][accepted]
            missing = missing[~accepted]
        return origins, targets

    def _next_leg(self, nodes: NDArray[np.intp]) -> None:
        random = self._random
        self._origin[nodes] = self._target[nodes]
        self._target[nodes] = random.random((nodes.size, 2)) * self._waypoints.area_m
        speed = random.uniform(*self._waypoints.speed_mps, nodes.size)
        pause_s = self._waypoints.max_pause_s * random.random(nodes.size)
        self._walk_s[nodes] = _lengths(self._origin[nodes], self._target[nodes]) / speed
        self._since[nodes] = self._until[nodes]
        self._until[nodes] += self._walk_s[nodes] + pause_s


def mean_leg_m(width_m: float, height_m: float) -> float:
    """Mean distance between two uniform points of a rectangle.

    Source: Ghosh: Random distances within a rectangle and between two rectangles, Bulletin of the
    Calcutta Mathematical Society 43, 1951.
    """
    a, b = width_m, height_m
    d = math.hypot(a, b)
    powers = a**3 / b**2 + b**3 / a**2 + d * (3 - a**2 / b**2 - b**2 / a**2)
    logarithms = b**2 / a * math.log((a + d) / b) + a**2 / b * math.log((b + d) / a)
    return (powers + 2.5 * logarithms) / 15


def _pausing_share(waypoints: Waypoints) -> float:
    """The share of time that a node pauses, in the long run."""
    slowest, fastest = waypoints.speed_mps
    spread = fastest - slowest
    seconds_per_m = math.log(fastest / slowest) / spread if spread else 1 / slowest
    pause_s = waypoints.max_pause_s / 2
    return pause_s / (pause_s + mean_leg_m(*waypoints.area_m) * seconds_per_m)


def _lengths(origins: Points, targets: Points) -> NDArray[np.float64]:
    x, y = (targets - origins).T
    lengths: NDArray[np.float64] = np.hypot(x, y)
    return lengths
