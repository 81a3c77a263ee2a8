"""Which runs are begun first: those that take longest, so that no core waits for a last long one.

Workers take the runs of a simulation in the order in which they were stored, so this is that order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from simcrate.inifile import Run
from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Run as RunRow
from simcrate.portal.simulations.models import Simulation

EARLIER_SIMULATIONS = 5

Point = frozenset[tuple[str, str]]
"""The values of the iteration variables; repetitions of one point take about as long as each other."""


def longest_first(
    runs: Sequence[Run], *, owner: User, simulator: str, config: str
) -> Sequence[Run]:
    """The runs in the order in which to begin them.

    By how long the same points of the config took in the owner's last simulations of it.  Points that
    were never seen come first, since they may be the longest, in the order of their numbers.
    """
    lengths_s = _earlier_lengths(owner, simulator, config)
    return sorted(runs, key=lambda run: lengths_s.get(_point(run.itervars), math.inf), reverse=True)


def _earlier_lengths(owner: User, simulator: str, config: str) -> dict[Point, float]:
    """Mean wall time in seconds of the completed runs of each point."""
    earlier = Simulation.objects.filter(owner=owner, simulator=simulator, config=config)
    rows = RunRow.objects.filter(
        simulation__in=list(earlier.values_list("pk", flat=True)[:EARLIER_SIMULATIONS]),
        state=RunState.COMPLETED,
    ).exclude(outcome=None)
    lengths_s: dict[Point, list[float]] = defaultdict(list)
    for itervars, wall_time_s in rows.values_list("itervars", "outcome__wall_time_s"):
        lengths_s[_point(itervars)].append(float(wall_time_s or 0))
    return {point: fmean(each) for point, each in lengths_s.items()}


def _point(itervars: Mapping[str, str]) -> Point:
    return frozenset(itervars.items())
