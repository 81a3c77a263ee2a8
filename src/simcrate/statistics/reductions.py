"""One number per vector, from its samples: last value, averages over time, what is missing.

The streaming form of `timeaverage`, for all vectors at once.

Source: definition 7 of docs/explanation/numbers.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simcrate.statistics.samples import Floats, Indices, Samples
from simcrate.statistics.timeaverage import Mode


class Reductions:
    """Sums over samples, kept per vector; consumes the pass over all samples."""

    def __init__(self, modes: Sequence[Mode], starts_s: Floats, ends_s: Floats) -> None:
        """Take what is known of the vectors before.

        Args:
            modes: (v,) what holds between samples.
            starts_s: (v,) simulated seconds at which each average begins; NaN: at the first sample.
            ends_s: (v,) simulated seconds at which the run of each vector ended.
        """
        size = len(modes)
        self._is_hold = np.array([mode is Mode.HOLD for mode in modes], dtype=bool)
        self._is_linear = np.array([mode is Mode.LINEAR for mode in modes], dtype=bool)
        self._is_none = np.array([mode is Mode.NONE for mode in modes], dtype=bool)
        self._starts_s, self._ends_s = starts_s.copy(), ends_s
        self._has_starts = bool(np.isfinite(starts_s).any())
        self._area, self._known_s = np.zeros(size), np.zeros(size)
        self._sum, self._finite = np.zeros(size), np.zeros(size, dtype=np.int64)
        self._last_time = np.full(size, np.nan)
        self.last = np.full(size, np.nan)
        """(v,) value of the last sample, as recorded; NaN also without samples."""
        self._low, self._high = np.full(size, np.inf), np.full(size, -np.inf)
        self.count = np.zeros(size, dtype=np.int64)
        """(v,) samples, missing ones too."""
        self.nan_count = np.zeros(size, dtype=np.int64)
        self.inf_count = np.zeros(size, dtype=np.int64)

    def take(self, samples: Samples) -> None:
        """Add samples to the sums."""
        vectors, starts, ends = samples.vectors, samples.starts, samples.ends
        values, finite = samples.values, samples.values
        self.count[vectors] += samples.lengths
        if self._has_starts:
            values = self._without_warmup(samples)
        if samples.is_finite and values is samples.values:
            taken = samples.lengths
            self._widen(vectors, values, values, starts)
        else:
            mask = np.isfinite(values)
            taken = np.add.reduceat(mask, starts, dtype=np.int64)
            recorded = samples.values
            self.nan_count[vectors] += np.add.reduceat(np.isnan(recorded), starts, dtype=np.int64)
            self.inf_count[vectors] += np.add.reduceat(np.isinf(recorded), starts, dtype=np.int64)
            finite = np.where(mask, values, 0.0)
            self._widen_where(mask, vectors, values, starts)
        self._finite[vectors] += taken
        self._sum[vectors] += np.add.reduceat(finite, starts)
        unset = np.isnan(self._starts_s[vectors])
        self._starts_s[vectors[unset]] = samples.times_s[starts[unset]]
        if not self._is_none[vectors].all():
            self._add_areas(samples)
        self.last[vectors] = samples.values[ends]
        self._last_time[vectors] = samples.times_s[ends]

    def means(self) -> Floats:
        """(v,) the mean of each vector over time, by its mode, up to the end of its run; NaN when nothing is known.

        May be called again after more samples.
        """
        area, known_s = self._area.copy(), self._known_s.copy()
        rest = self._held_to_the_end_s()
        held = rest > 0
        area[held] += self.last[held] * rest[held]
        known_s += rest
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Floats = np.where(
                self._is_none,
                self._sum / self._finite,
                np.where(known_s > 0, area / known_s, np.nan),
            )
        return means

    def bounds(self) -> tuple[Floats, Floats]:
        """(v,) smallest and largest finite value that takes part in the mean; NaN when there is none."""
        held = np.where(self._held_to_the_end_s() > 0, self.last, np.nan)
        low, high = np.fmin(self._low, held), np.fmax(self._high, held)
        return np.where(np.isinf(low), np.nan, low), np.where(np.isinf(high), np.nan, high)

    def sums(self) -> Floats:
        """(v,) sum of finite values; NaN when there are none."""
        return np.where(self._finite > 0, self._sum, np.nan)

    def _held_to_the_end_s(self) -> Floats:
        """(v,) for how long the last sample holds, simulated seconds."""
        left = np.fmax(self._last_time, self._starts_s)
        held = self._is_hold & np.isfinite(self.last)
        return np.where(held, np.fmax(self._ends_s - left, 0.0), 0.0)

    def _widen_where(
        self, mask: NDArray[np.bool_], vectors: Indices, values: Floats, starts: Indices
    ) -> None:
        low, high = np.where(mask, values, np.inf), np.where(mask, values, -np.inf)
        self._widen(vectors, low, high, starts)

    def _widen(self, vectors: Indices, low: Floats, high: Floats, starts: Indices) -> None:
        """Let the bounds of vectors include values."""
        self._low[vectors] = np.minimum(self._low[vectors], np.minimum.reduceat(low, starts))
        self._high[vectors] = np.maximum(self._high[vectors], np.maximum.reduceat(high, starts))

    def _without_warmup(self, samples: Samples) -> Floats:
        """The values, with NaN for those before the start of their vector's average."""
        begin = self._starts_s[samples.vectors]
        early = samples.times_s < np.repeat(
            np.where(np.isnan(begin), -np.inf, begin), samples.lengths
        )
        return np.where(early, np.nan, samples.values) if early.any() else samples.values

    def _add_areas(self, samples: Samples) -> None:
        """Add the area between each sample and the one before, which may have come with an earlier batch."""
        starts, times, values = samples.starts, samples.times_s, samples.values
        before = np.concatenate(([np.nan], values[:-1]))
        before[starts] = self.last[samples.vectors]
        earlier = np.concatenate(([np.nan], times[:-1]))
        earlier[starts] = self._last_time[samples.vectors]
        begin = np.repeat(self._starts_s[samples.vectors], samples.lengths)
        left = np.fmax(earlier, begin)
        with np.errstate(invalid="ignore", divide="ignore"):
            widths = np.fmax(times, begin) - left
            heights = np.where(
                np.repeat(self._is_hold[samples.vectors], samples.lengths), before, values
            )
            linear = np.repeat(self._is_linear[samples.vectors], samples.lengths)
            if linear.any():
                at_left = before + (left - earlier) / (times - earlier) * (values - before)
                heights = np.where(linear, (at_left + values) / 2, heights)
            known = np.isfinite(heights) & (widths > 0) & np.isfinite(earlier)
        if self._has_starts:  # what held when the average began is a part of it
            self._widen_where(known, samples.vectors, heights, starts)
        areas = np.where(known, heights, 0.0) * np.where(known, widths, 0.0)
        self._area[samples.vectors] += np.add.reduceat(areas, starts)
        self._known_s[samples.vectors] += np.add.reduceat(np.where(known, widths, 0.0), starts)
