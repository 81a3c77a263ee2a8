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

    Every node draws from a stream of its own, so its track depends neither on how often positions are
    asked for nor on how many other nodes there are.

    Args:
        node_count: how many nodes.
        waypoints: what they do.
        random: the stream of random numbers of mobility.
    """

    def __init__(self, node_count: int, waypoints: Waypoints, random: np.random.Generator) -> None:
        self._waypoints = waypoints
        self._streams = random.spawn(node_count)
        self._origin = np.empty((node_count, 2))
        self._target = np.empty((node_count, 2))
        self._since = np.empty(node_count)
        self._walk_s = np.empty(node_count)
        self._until = np.empty(node_count)
        for node in range(node_count):
            self._start(node)

    def positions(self, time_s: float) -> Points:
        """Positions (node_count, 2), metres, at a time that is not before the last one asked for."""
        while (due := np.flatnonzero(self._until <= time_s)).size:
            for node in due.tolist():
                self._walk(node, self._target[node].copy(), self._until[node])
        elapsed = np.minimum(time_s - self._since, self._walk_s)
        share = np.divide(elapsed, self._walk_s, out=np.ones_like(elapsed), where=self._walk_s > 0)
        return self._origin + (self._target - self._origin) * share[:, np.newaxis]

    def _walk(self, node: int, origin: Points, start_s: float) -> None:
        """Begin the next leg, with the pause after it."""
        x, y, speed_share, pause_share = self._streams[node].random(4)
        slowest, fastest = self._waypoints.speed_mps
        self._origin[node] = origin
        self._target[node] = np.multiply((x, y), self._waypoints.area_m)
        self._walk_s[node] = self._leg_m(node) / (slowest + (fastest - slowest) * speed_share)
        self._since[node] = start_s
        self._until[node] = start_s + self._walk_s[node] + self._waypoints.max_pause_s * pause_share

    def _start(self, node: int) -> None:
        """Draw a pause or a leg of which a stationary share has passed at time 0."""
        random = self._streams[node]
        if random.random() < _pausing_share(self._waypoints):
            self._start_pausing(node, random)
        else:
            self._start_walking(node, random)

    def _start_pausing(self, node: int, random: np.random.Generator) -> None:
        self._origin[node] = self._target[node] = random.random(2) * self._waypoints.area_m
        self._since[node] = self._walk_s[node] = 0.0
        # the pause that is seen has a density proportional to its length; any part of it may be left
        length_share, left_share = random.random(2)
        self._until[node] = self._waypoints.max_pause_s * np.sqrt(length_share) * left_share

    def _start_walking(self, node: int, random: np.random.Generator) -> None:
        longest_m = math.hypot(*self._waypoints.area_m)
        while True:  # legs are seen with a density proportional to their length
            self._origin[node], self._target[node] = random.random((2, 2)) * self._waypoints.area_m
            if random.random() * longest_m < self._leg_m(node):
                break
        # the speed that is seen has a density proportional to 1/v
        speed_share, passed_share, pause_share = random.random(3)
        slowest, fastest = self._waypoints.speed_mps
        self._walk_s[node] = self._leg_m(node) / (slowest * (fastest / slowest) ** speed_share)
        self._since[node] = -self._walk_s[node] * passed_share
        pause_s = self._waypoints.max_pause_s * pause_share
        self._until[node] = self._since[node] + self._walk_s[node] + pause_s

    def _leg_m(self, node: int) -> float:
        dx, dy = self._target[node] - self._origin[node]
        return math.hypot(dx, dy)


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
