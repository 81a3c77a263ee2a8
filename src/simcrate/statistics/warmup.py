"""The beginning of a run, before it forgets where it started.

A warm-up that the ini file asks for is respected.  Where there is none, MSER-5 can suggest one; it is never applied
unasked, because a study of how something starts or ends (a terminating simulation) has no warm-up.

Source: definition 11 of docs/explanation/numbers.md; White 1997, White, Cobb and Spratt 2000 (MSER-5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcrate.errors import StatisticsError
from simcrate.statistics.quantity import configured_seconds

BATCH = 5
MINIMUM_BATCHES = 20  # below, the half that MSER looks at is too short to see a level in


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation:
    """Where MSER-5 would cut."""

    samples: int
    """Samples to leave out at the beginning."""

    mean: float
    """Mean of the samples that stay."""

    statistic: float
    """The value that was made smallest: squared standard error of the mean of what stays."""


def configured_warmup_s(config: Iterable[tuple[str, str]]) -> float:
    """The `warmup-period` of a run's configuration, in simulated seconds; 0 when it sets none.

    A simulator leaves out by itself what it would record before; here the period is where averages over time begin.

    Args:
        config: keys and values in search order: the first match wins.
    """
    return configured_seconds(config, "warmup-period") or 0.0


def mser5(values: NDArray[np.float64]) -> Truncation:
    """Where to cut the beginning of a run off, so that the rest tells most about the mean.

    Args:
        values: (n,) samples in order; finite.

    Raises:
        StatisticsError: fewer than 100 samples, a value that is not finite, or the best cut lies in the second half
            of the run, so that the run never settled.

    Source: definition 11 of docs/explanation/numbers.md.
    """
    batches = values.size // BATCH
    if batches < MINIMUM_BATCHES:
        message = f"could not suggest a warm-up: MSER-5 needs {MINIMUM_BATCHES * BATCH} samples, there are {values.size}"
        raise StatisticsError(message)
    if not np.all(np.isfinite(values)):
        message = "could not suggest a warm-up: some samples are NaN or infinite"
        raise StatisticsError(message)
    means = values[: batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    statistic = _squared_errors(means)
    cut = int(np.argmin(statistic))
    if cut > batches // 2:
        message = (
            "could not suggest a warm-up: the run never settles (the best cut is in its second half); "
            "simulate longer, or treat it as a terminating simulation"
        )
        raise StatisticsError(message)
    return Truncation(
        samples=cut * BATCH,
        mean=float(values[cut * BATCH :].mean()),
        statistic=float(statistic[cut]),
    )


def remove_warmup(
    times_s: NDArray[np.float64], values: NDArray[np.float64], start_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples at or after `start_s`, simulated seconds.

    For averages over time give the whole vector to `time_average` with `start_s`: what a sample before
    the start still holds after it belongs to the average.
    """
    kept = times_s >= start_s
    return times_s[kept], values[kept]


def _squared_errors(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m - 4,) sum over j > d of (Z_j - mean)^2 / (m - d)^2 for every cut d that leaves five batches or more."""
    centred = means - means.mean()  # the sums below lose digits when the level is far from 0
    rest = np.arange(means.size, 0, -1, dtype=float)
    sums = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum(centred[::-1] ** 2)[::-1]
    errors: NDArray[np.float64] = np.maximum(squares - sums**2 / rest, 0.0) / rest**2
    return errors[: means.size - 4]
