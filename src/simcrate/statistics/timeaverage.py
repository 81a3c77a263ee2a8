"""Averages over simulated time, by what a vector says about the time between its samples.

Knows nothing of files.  NaN and infinite values take no part: the time for which they stand is left out of
the average and reported.

Source: definition 7 of docs/explanation/numbers.md; OMNeT++ Simulation Manual, "Declaring Statistics"
(the `interpolationmode` property).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from simcrate.errors import StatisticsError


class Mode(StrEnum):
    """What holds between two samples of a vector, as OMNeT++ spells it."""

    NONE = "none"
    """Nothing: samples are separate observations, such as delays of packets."""

    HOLD = "sample-hold"
    """A sample holds until the next one, such as the length of a queue."""

    BACKWARD = "backward-sample-hold"
    """A sample says what held since the one before."""

    LINEAR = "linear"
    """Values move straight from sample to sample."""

    @classmethod
    def of(cls, text: str | None) -> Mode:
        """The mode of that name; `NONE` where a vector declares no mode, or one that we do not know."""
        try:
            return cls(text or "none")
        except ValueError:
            return cls.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAverage:
    """A mean and the time it stands for."""

    mean: float
    """In the unit of the values; NaN when nothing is known."""

    known_s: float
    """Simulated seconds that the mean is taken over; 0 for `Mode.NONE`, which has no time between samples."""

    unknown_s: float
    """Simulated seconds, from the start to the run's end, of which nothing is known."""


def time_average(
    times_s: NDArray[np.float64],
    values: NDArray[np.float64],
    mode: Mode,
    *,
    end_s: float,
    start_s: float | None = None,
) -> TimeAverage:
    """The mean of a vector over simulated time, up to the end of the run.

    Under `sample-hold` the last sample holds until `end_s`.  Under the two other continuous modes nothing is known
    after the last sample, and nothing is made up: the rest of the run counts as unknown.  Under `none`, the
    mean of the samples.

    Args:
        times_s: (n,) simulated seconds, non-decreasing.
        values: (n,), any unit; NaN and infinite values are unknown.
        mode: what holds between samples.
        end_s: simulated seconds at which the run ended, at or after the last sample.
        start_s: simulated seconds from which to average; the first sample when None.

    Raises:
        StatisticsError: times decrease, or pass `end_s`.

    Source: definition 7 of docs/explanation/numbers.md.
    """
    if times_s.size == 0:
        return TimeAverage(mean=math.nan, known_s=0.0, unknown_s=0.0)
    check_times(times_s, end_s)
    start = float(times_s[0]) if start_s is None else start_s
    if mode is Mode.NONE:
        kept = values[(times_s >= start) & np.isfinite(values)]
        return TimeAverage(
            mean=float(kept.mean()) if kept.size else math.nan, known_s=0.0, unknown_s=0.0
        )
    left = np.maximum(times_s, start)
    widths = np.diff(left)
    if mode is Mode.HOLD:
        heights, widths = values, np.append(widths, max(end_s, start) - left[-1])
    elif mode is Mode.BACKWARD:
        heights = values[1:]
    else:
        heights = _heights_of_trapezoids(times_s, values, left)
    known = np.isfinite(heights) & (widths > 0)
    known_s = float(widths[known].sum())
    area = float(heights[known] @ widths[known])
    return TimeAverage(
        mean=area / known_s if known_s else math.nan,
        known_s=known_s,
        unknown_s=max(0.0, end_s - start - known_s),
    )


def check_times(times_s: NDArray[np.float64], end_s: float) -> None:
    """Refuse times that decrease or pass the run's end.

    Raises:
        StatisticsError: naming the sample, counted from 1.
    """
    falling = np.flatnonzero(np.diff(times_s) < 0)
    if falling.size:
        i = int(falling[0])
        message = (
            f"could not average over time: sample {i + 2} is at {times_s[i + 1]} s, "
            f"before the one at {times_s[i]} s"
        )
        raise StatisticsError(message)
    if times_s.size and times_s[-1] > end_s:
        message = (
            f"could not average over time: the last sample is at {times_s[-1]} s, "
            f"after the end of the run at {end_s} s"
        )
        raise StatisticsError(message)


def _heights_of_trapezoids(
    times_s: NDArray[np.float64], values: NDArray[np.float64], left: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean height between each pair of samples, from the start on where it cuts the pair."""
    gaps = np.diff(times_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        passed = np.where(gaps > 0, (left[:-1] - times_s[:-1]) / gaps, 0.0)
        first = values[:-1] + passed * np.diff(values)
        heights: NDArray[np.float64] = (first + values[1:]) / 2
    return heights
