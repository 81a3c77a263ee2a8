"""Batch means: an interval for the mean of one long run, whose samples depend on each other.

Source: definition 10 of docs/explanation/numbers.md; Schmeiser 1982 (number of batches); Law, Simulation Modeling
and Analysis, 5th ed., section 9.5.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcrate.errors import StatisticsError
from simcrate.statistics.estimate import CONFIDENCE, Estimate, estimate

DEFAULT_BATCHES = 20  # Schmeiser: 10 to 30 batches are enough
MINIMUM_BATCHES = 10
SAMPLES_PER_CUT_LAG = 10  # a batch is this many times as long as the samples stay correlated
CORRELATION_CUT = 0.05  # correlation of samples that counts as none
NORMAL_97_5 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMeans:
    """The mean of one run by batches."""

    estimate: Estimate
    """Over the batches: n is the number of batches."""

    batch_size: int
    """Samples in a batch."""

    dropped: int
    """Samples at the beginning that fill no batch."""

    lag1: float
    """Correlation of neighbouring batches; NaN when they do not vary."""

    @property
    def is_independent(self) -> bool:
        """Whether `lag1` is within what independent batches show in 95 % of all cases."""
        return abs(self.lag1) <= NORMAL_97_5 / math.sqrt(self.estimate.n)


def batch_means(
    values: NDArray[np.float64],
    *,
    batches: int = DEFAULT_BATCHES,
    confidence: float = CONFIDENCE,
) -> BatchMeans:
    """Mean and interval of a stationary run by non-overlapping batches of equal size.

    Args:
        values: (n,) samples in order, warm-up removed; finite.
        batches: how many, 10 or more; fewer samples than fill the last batch are dropped at the beginning.
        confidence: in (0, 1).

    Raises:
        StatisticsError: a value is not finite, or there are too few samples for the correlation that they show;
            says how many would do.

    Source: definition 10 of docs/explanation/numbers.md.
    """
    if batches < MINIMUM_BATCHES:
        message = f"could not form batch means: {batches} batches are fewer than {MINIMUM_BATCHES}"
        raise StatisticsError(message)
    if not np.all(np.isfinite(values)):
        message = "could not form batch means: some samples are NaN or infinite, and leaving them out would shift the rest"
        raise StatisticsError(message)
    size = values.size // batches
    needed = SAMPLES_PER_CUT_LAG * cut_lag(values)
    if size < needed or size < 1:
        message = (
            f"could not form batch means: {batches} batches need {max(needed, 1) * batches} samples, "
            f"there are {values.size}; simulate longer"
        )
        raise StatisticsError(message)
    dropped = values.size - size * batches
    means = values[dropped:].reshape(batches, size).mean(axis=1)
    return BatchMeans(
        estimate=estimate(means, confidence=confidence),
        batch_size=size,
        dropped=dropped,
        lag1=autocorrelation(means, 1),
    )


def cut_lag(values: NDArray[np.float64]) -> int:
    """The first lag at which the correlation falls below 0.05; the number of samples if it never does."""
    for lag in _lags(values.size):
        if not autocorrelation(values, lag) > CORRELATION_CUT:
            return lag
    return int(values.size)


def autocorrelation(values: NDArray[np.float64], lag: int) -> float:
    """Correlation of samples `lag` apart; NaN when the samples do not vary."""
    centred = values - values.mean() if values.size else values
    power = float(centred @ centred)
    if values.size <= lag or power == 0:
        return math.nan
    return float(centred[:-lag] @ centred[lag:]) / power


def _lags(n: int) -> list[int]:
    """1, 2, 3, 4, 5, 6, 7, 8, 10, 12, ...: every lag at first, then steps of a quarter, so that long runs stay fast."""
    lags, lag = [], 1
    while lag < n:
        lags.append(lag)
        lag += max(1, lag // 4)
    return lags
