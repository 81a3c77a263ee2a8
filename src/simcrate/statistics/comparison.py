"""Is one configuration better than another, and by how much?

Two ways: paired, where repetition i of both configurations saw the same random numbers, and Welch's for
independent runs.  Both give the difference of the means with its interval, not only a verdict.

Source: definitions 4 to 6 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from simcrate.errors import StatisticsError
from simcrate.statistics.estimate import CONFIDENCE, estimate
from simcrate.statistics.student import t_cdf, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much larger the mean of b is than the mean of a."""

    method: Literal["paired", "welch"]
    n_a: int
    n_b: int
    """Values that took part; equal to `n_a`, and the number of pairs, when paired."""

    missing: int
    """Values (or pairs) that took no part because one was NaN or infinite."""

    mean_a: float
    mean_b: float
    difference: float
    """mean of b - mean of a, in the unit of the values."""

    half_width: float
    """Half of the width of the confidence interval of the difference."""

    degrees: float
    """Degrees of freedom of the t distribution; whole when paired."""

    p_value: float
    """Probability of a difference at least this large, either way, if there were none; NaN without spread."""

    effect: float
    """Difference in standard deviations (Cohen's d; of the pairs' differences when paired); NaN without spread."""

    confidence: float = CONFIDENCE

    @property
    def low(self) -> float:
        """Lower end of the interval of the difference."""
        return self.difference - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval of the difference."""
        return self.difference + self.half_width

    @property
    def relative(self) -> float:
        """The difference as a fraction of |mean of a|; NaN when that is 0."""
        return self.difference / abs(self.mean_a) if self.mean_a else math.nan

    @property
    def relative_half_width(self) -> float:
        """`half_width` as a fraction of |mean of a|, taken as exact; NaN when that is 0."""
        return self.half_width / abs(self.mean_a) if self.mean_a else math.nan

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference leaves 0 out."""
        return self.low > 0 or self.high < 0


def compare_paired(
    a: Mapping[int, float], b: Mapping[int, float], *, confidence: float = CONFIDENCE
) -> Comparison:
    """Compare two configurations whose equal repetitions share their random numbers.

    Args:
        a: value by repetition.
        b: value by repetition; repetitions that only one side has take no part.
        confidence: in (0, 1).

    Raises:
        StatisticsError: fewer than two complete pairs.

    Source: definition 4 of docs/explanation/numbers.md.
    """
    shared = sorted(a.keys() & b.keys())
    first = np.array([a[i] for i in shared], dtype=float)
    second = np.array([b[i] for i in shared], dtype=float)
    complete = np.isfinite(first) & np.isfinite(second)
    difference = estimate(second[complete] - first[complete], confidence=confidence)
    _need_two(difference.n, "complete pairs of repetitions")
    degrees = difference.n - 1
    return Comparison(
        method="paired",
        n_a=difference.n,
        n_b=difference.n,
        missing=len(a.keys() | b.keys()) - difference.n,
        mean_a=float(first[complete].mean()),
        mean_b=float(second[complete].mean()),
        difference=difference.mean,
        half_width=difference.half_width,
        degrees=degrees,
        p_value=_p_value(difference.mean, difference.stddev / math.sqrt(difference.n), degrees),
        effect=difference.mean / difference.stddev if difference.stddev else math.nan,
        confidence=confidence,
    )


def compare_welch(a: ArrayLike, b: ArrayLike, *, confidence: float = CONFIDENCE) -> Comparison:
    """Compare two configurations with independent runs, equal in number and spread or not.

    Args:
        a: (n,) one value per run.
        b: (m,) one value per run.
        confidence: in (0, 1).

    Raises:
        StatisticsError: a side has fewer than two finite values.

    Source: definition 5 of docs/explanation/numbers.md (Welch 1947, Satterthwaite 1946).
    """
    first, second = estimate(a), estimate(b)
    for side in (first, second):
        _need_two(side.n, "values on each side")
    share_a, share_b = first.stddev**2 / first.n, second.stddev**2 / second.n
    error = math.sqrt(share_a + share_b)
    degrees = _satterthwaite(share_a, first.n, share_b, second.n)
    pooled = math.sqrt((first.stddev**2 + second.stddev**2) / 2)
    difference = second.mean - first.mean
    return Comparison(
        method="welch",
        n_a=first.n,
        n_b=second.n,
        missing=first.nan_count + first.inf_count + second.nan_count + second.inf_count,
        mean_a=first.mean,
        mean_b=second.mean,
        difference=difference,
        half_width=t_quantile((1 + confidence) / 2, degrees) * error,
        degrees=degrees,
        p_value=_p_value(difference, error, degrees),
        effect=difference / pooled if pooled else math.nan,
        confidence=confidence,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p-values of many comparisons, so that together they err as rarely as one.

    NaN stays NaN and does not count.

    Source: definition 6 of docs/explanation/numbers.md (Holm 1979).
    """
    known = [i for i, p in enumerate(p_values) if not math.isnan(p)]
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(known) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def _need_two(n: int, what: str) -> None:
    if n < 2:
        message = f"could not compare: there are {n} {what}, and a comparison needs two or more"
        raise StatisticsError(message)


def _satterthwaite(share_a: float, n_a: int, share_b: float, n_b: int) -> float:
    """Degrees of freedom of a sum of two variances; those of the pooled test where neither varies."""
    if share_a + share_b == 0:
        return n_a + n_b - 2
    # Fractions of the sum rather than squares of it, which may underflow.
    part_a = share_a / (share_a + share_b)
    return 1 / (part_a**2 / (n_a - 1) + (1 - part_a) ** 2 / (n_b - 1))


def _p_value(difference: float, error: float, degrees: float) -> float:
    if error == 0:
        return math.nan
    return 2 * t_cdf(-abs(difference / error), degrees)
