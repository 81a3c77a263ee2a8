"""Vectors reduced to a few hundred buckets of time, for curves.

Each bucket keeps the smallest and the largest sample: a spike of one sample stays visible, whatever the number of
samples.  Nothing is dropped.

Source: definition 15 of docs/explanation/numbers.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simcrate.statistics.resampling import hold
from simcrate.statistics.samples import Floats, Indices, Samples
from simcrate.statistics.timeaverage import Mode

BUCKETS = 240  # about one per two points of a figure's width
FEWEST_BUCKETS = 10
MOST_CELLS = 1_000_000  # 28 bytes each: 28 MB


def bucket_count(vectors: int) -> int:
    """How many buckets each of so many vectors gets, so that all of them fit in memory."""
    return max(FEWEST_BUCKETS, min(BUCKETS, MOST_CELLS // max(1, vectors)))


class Buckets:
    """Smallest, largest and typical value of each vector in each bucket; consumes the pass over all samples."""

    def __init__(self, modes: Sequence[Mode], ends_s: Floats, *, buckets: int) -> None:
        """Make room.

        All vectors share their buckets, which reach from 0 to the end of the longest run.

        Args:
            modes: (v,) what holds between samples.
            ends_s: (v,) simulated seconds at which the run of each vector ended.
            buckets: how many.
        """
        size = len(modes)
        self.buckets = buckets
        self.width_s = (float(ends_s.max()) if size else 0.0) / buckets or 1.0
        """Simulated seconds of one bucket."""
        self._after = (
            np.floor(ends_s / self.width_s).astype(np.intp) + 1
        )  # first bucket after the run
        self._holds = np.array([mode in (Mode.HOLD, Mode.LINEAR) for mode in modes], dtype=bool)
        self._low = np.full(size * buckets, np.inf)
        self._high = np.full(size * buckets, -np.inf)
        self._value = np.zeros(size * buckets)  # sum of samples, or the last one where samples hold
        self._count = np.zeros(size * buckets, dtype=np.int32)

    def take(self, samples: Samples) -> None:
        """Sort samples into their buckets; values that are not finite cannot be drawn and are left out."""
        times, values = samples.times_s, samples.values
        step = (times / self.width_s).astype(np.intp)
        np.minimum(step, self.buckets - 1, out=step)
        cells = step + np.repeat(samples.vectors * self.buckets, samples.lengths)
        if not samples.is_finite:
            finite = np.isfinite(values)
            cells, values = cells[finite], values[finite]
            if not values.size:
                return
        starts = np.concatenate(([0], np.flatnonzero(cells[1:] != cells[:-1]) + 1))
        places = cells[starts]
        counts = np.diff(starts, append=values.size)
        self._low[places] = np.minimum(self._low[places], np.minimum.reduceat(values, starts))
        self._high[places] = np.maximum(self._high[places], np.maximum.reduceat(values, starts))
        self._value[places] = np.where(
            self._holds[places // self.buckets],
            values[starts + counts - 1],
            self._value[places] + np.add.reduceat(values, starts),
        )
        self._count[places] += counts.astype(np.int32)

    def typical(self, vector: int) -> Floats:
        """(buckets,) mean of the samples in each bucket, or what held at its end; NaN where nothing is known."""
        place = self._place(vector)
        if self._holds[vector]:
            held = hold(self._value[place], self._count[place])
            held[self._after[vector] :] = np.nan
            return held
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._value[place] / self._count[place]

    def bounds(self, vector: int) -> tuple[Floats, Floats]:
        """(buckets,) smallest and largest value in each bucket; NaN where nothing is known."""
        place = self._place(vector)
        empty = self._count[place] == 0
        low = np.where(empty, np.nan, self._low[place])
        high = np.where(empty, np.nan, self._high[place])
        if self._holds[vector]:  # what a bucket begins with belongs to it, too
            begin = np.concatenate(([np.nan], self.typical(vector)[:-1]))
            low, high = np.fmin(low, begin), np.fmax(high, begin)
            low[self._after[vector] :] = high[self._after[vector] :] = np.nan
        return low, high

    @property
    def centres_s(self) -> Floats:
        """(buckets,) simulated seconds in the middle of each bucket."""
        centres: Floats = (np.arange(self.buckets, dtype=np.float64) + 0.5) * self.width_s
        return centres

    def table(self, vectors: Indices) -> Floats:
        """(n, buckets) `typical` of many vectors."""
        return np.array([self.typical(int(i)) for i in vectors]).reshape(-1, self.buckets)

    def _place(self, vector: int) -> slice:
        return slice(vector * self.buckets, (vector + 1) * self.buckets)
