"""Means over replications, with their confidence interval.

One value per run goes in; samples of different runs are never pooled, because samples inside a run depend on
each other and an interval made of them is too narrow.  NaN and infinite values are left out and counted.

Source: definitions 2 and 3 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simcrate.statistics.student import t_quantile

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What n values tell about their mean."""

    n: int
    """Values that took part: finite ones."""

    nan_count: int
    """Values that were NaN; they took no part."""

    inf_count: int
    """Values that were infinite; they took no part."""

    mean: float
    """Arithmetic mean; NaN when n = 0."""

    stddev: float
    """Sample standard deviation (divisor n - 1); NaN when n < 2."""

    half_width: float
    """Half of the width of the confidence interval of the mean; NaN when n < 2."""

    minimum: float
    """NaN when n = 0."""

    maximum: float
    """NaN when n = 0."""

    confidence: float = CONFIDENCE
    """Probability that an interval made this way covers the true mean."""

    @property
    def low(self) -> float:
        """Lower end of the confidence interval; NaN when n < 2."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the confidence interval; NaN when n < 2."""
        return self.mean + self.half_width


def estimate(values: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Mean, standard deviation and Student's t interval of one value per replication.

    Args:
        values: (n,), any unit; NaN = missing.
        confidence: in (0, 1).

    Source: definitions 2 and 3 of docs/explanation/numbers.md.
    """
    array = np.asarray(values, dtype=float).ravel()
    finite = array[np.isfinite(array)]
    n = int(finite.size)
    stddev = float(finite.std(ddof=1)) if n > 1 else math.nan
    return Estimate(
        n=n,
        nan_count=int(np.isnan(array).sum()),
        inf_count=int(np.isinf(array).sum()),
        mean=float(finite.mean()) if n else math.nan,
        stddev=stddev,
        half_width=half_width(stddev, n, confidence=confidence),
        minimum=float(finite.min()) if n else math.nan,
        maximum=float(finite.max()) if n else math.nan,
        confidence=confidence,
    )


def half_width(stddev: float, n: int, *, confidence: float = CONFIDENCE) -> float:
    """Half the width of the t interval of a mean of n values: t(n - 1, (1 + confidence) / 2) s / sqrt(n).

    NaN when n < 2: one value says nothing about its error.

    Source: definition 3 of docs/explanation/numbers.md.
    """
    if n < 2:
        return math.nan
    return t_quantile((1 + confidence) / 2, n - 1) * stddev / math.sqrt(n)
