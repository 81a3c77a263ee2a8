"""The table of statistics: one row for each statistic, group of modules and point of the study.

Source: definitions 2, 3 and 12 of docs/explanation/numbers.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from simcrate.statistics.estimate import Estimate, estimate
from simcrate.statistics.points import Point
from simcrate.statistics.samples import Floats, Indices

Source = Literal["scalar", "statistic", "vector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one statistic in one group of modules at one point."""

    statistic: str
    """As recorded, without recording mode."""

    display: str
    """For people."""

    layer: str
    """Heading of a catalogue; empty without one."""

    unit: str
    """Empty: none, or not declared."""

    reducer: str
    """How a run and module got its number: `last`, `mean`, `timeavg`, ...; empty: recorded as it is."""

    source: Source
    """What kind of result item it was read from."""

    modules: str
    """The group of modules, such as `Net.host[*]`."""

    module_count: int
    """Different modules in the group that recorded it."""

    point: Point
    """Which configuration and iteration variables."""

    estimate: Estimate
    """Over runs: each run gives the mean over its modules; `nan_count` and `inf_count` are of recorded values."""

    runs: int
    """Runs that recorded it, whether or not with a finite value."""

    values: int
    """Recorded values: one per run and module."""

    minimum: float
    """Smallest finite value of any run and module; NaN without any."""

    maximum: float
    """Largest finite value of any run and module; NaN without any."""

    @property
    def nan_count(self) -> int:
        """Recorded values that are NaN."""
        return self.estimate.nan_count

    @property
    def inf_count(self) -> int:
        """Recorded values that are infinite."""
        return self.estimate.inf_count

    @property
    def name(self) -> str:
        """As recorded, with recording mode."""
        return f"{self.statistic}:{self.reducer}" if self.reducer else self.statistic


def estimate_over_runs(runs: Indices, values: Floats) -> Estimate:
    """Estimate the mean over runs from values of their modules.

    A run's value is the mean over its modules' finite values; a run without any takes no part.

    Args:
        runs: (n,) which run each value is of.
        values: (n,) NaN and infinite values are counted and left out.

    Source: definition 2 of docs/explanation/numbers.md.
    """
    finite = np.isfinite(values)
    _, places = np.unique(runs[finite], return_inverse=True)
    sums = np.bincount(places, weights=values[finite])
    over_runs = estimate(sums / np.bincount(places))
    return Estimate(
        n=over_runs.n,
        nan_count=int(np.isnan(values).sum()),
        inf_count=int(np.isinf(values).sum()),
        mean=over_runs.mean,
        stddev=over_runs.stddev,
        half_width=over_runs.half_width,
        minimum=over_runs.minimum,
        maximum=over_runs.maximum,
        confidence=over_runs.confidence,
    )
