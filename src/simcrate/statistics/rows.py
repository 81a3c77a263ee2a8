"""The table of statistics: one row for each statistic, group of modules and point of the study.

Source: definitions 2, 3 and 12 of docs/explanation/numbers.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from simcrate.statistics.estimate import Estimate
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
    """Over runs: each run gives the mean over its modules."""

    runs: int
    """Runs that recorded it, whether or not with a finite value."""

    values: int
    """Recorded values: one per run and module."""

    nan_count: int
    """Recorded values that are NaN."""

    inf_count: int
    """Recorded values that are infinite."""

    minimum: float
    """Smallest finite value of any run and module; NaN without any."""

    maximum: float
    """Largest finite value of any run and module; NaN without any."""

    samples: int = 0
    """Samples of its vectors; 0 where it was not read from vectors."""

    nan_samples: int = 0
    inf_samples: int = 0

    @property
    def missing(self) -> str:
        """What takes no part because it is no number, as `1 NaN of 6, 2 infinite of 400 samples`; empty: nothing."""
        values = _in_words(self.nan_count, self.inf_count, f"{self.values:,}")
        samples = _in_words(self.nan_samples, self.inf_samples, f"{self.samples:,} samples")
        return ", ".join(part for part in (values, samples) if part)

    @property
    def name(self) -> str:
        """As recorded, with recording mode."""
        return f"{self.statistic}:{self.reducer}" if self.reducer else self.statistic


def run_means(runs: Indices, values: Floats) -> Floats:
    """The mean of each run over its modules' finite values.

    Args:
        runs: (n,) which run each value is of, from 0 without gaps.
        values: (n,) NaN and infinite ones take no part.

    Returns:
        (r,) NaN for a run without a finite value.

    Source: definition 2 of docs/explanation/numbers.md.
    """
    finite = np.isfinite(values)
    size = int(runs.max()) + 1 if runs.size else 0
    sums = np.bincount(runs[finite], weights=values[finite], minlength=size)
    counts = np.bincount(runs[finite], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Floats = sums / counts
    return means


def _in_words(nan_count: int, inf_count: int, total: str) -> str:
    counts = ((nan_count, "NaN"), (inf_count, "infinite"))
    told = ", ".join(f"{count:,} {name}" for count, name in counts if count)
    return f"{told} of {total}" if told else ""
