"""Vectors at the user's precision: one row every so many simulated seconds.

| mode of the vector | row at t = k * precision |
|---|---|
| sample-hold | the last value at or before t; NaN before the first sample |
| linear | the value at t on the line between the samples around it; NaN before the first and after the last |
| none, backward-sample-hold | count and mean of the samples in [t, t + precision); the mean of an empty step is NaN |

A NaN sample is held as NaN, and takes no part in count and mean.  A sample within 1e-9 of a step from a row counts
as standing at that row, since decimal times have no exact floating point form.

Source: definition 13 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simcrate.errors import BadInputError
from simcrate.statistics.samples import Floats, Indices, Samples

MOST_ROWS = 1_000_000  # per vector
ROUNDING = 1e-9  # of a step: 10^6 rows times the relative error of a quotient of doubles
IN_MEMORY_BYTES = 64_000_000  # larger tables live in a temporary file

Number = TypeVar("Number", bound=np.generic)


def check_precision(precision_s: float, sim_time_limit_s: float | None = None) -> None:
    """Refuse a precision that makes no table, or one of more than a million rows a vector.

    Args:
        precision_s: simulated seconds between two rows.
        sim_time_limit_s: simulated seconds that a run lasts, where that is known.

    Raises:
        BadInputError: says what would do.
    """
    if not math.isfinite(precision_s) or precision_s <= 0:
        message = f"the precision must be a number of seconds above 0, not {precision_s}"
        raise BadInputError(message)
    if sim_time_limit_s is None or not math.isfinite(sim_time_limit_s):
        return
    if sim_time_limit_s / precision_s > MOST_ROWS:
        message = (
            f"a precision of {precision_s:g} s makes {sim_time_limit_s / precision_s:.3g} rows of each vector "
            f"in {sim_time_limit_s:g} simulated seconds; take {sim_time_limit_s / MOST_ROWS:.2g} s or more "
            f"(at most {MOST_ROWS:,} rows)"
        )
        raise BadInputError(message)


def row_counts(ends_s: Floats, precision_s: float) -> Floats:
    """(v,) rows of vectors whose runs ended at `ends_s`: those at 0, precision, ... up to the end; whole numbers."""
    counts: Floats = np.floor(ends_s / precision_s + ROUNDING) + 1
    return counts


def row_times_s(rows: int, precision_s: float) -> Floats:
    """(rows,) simulated seconds, rounded to the picoseconds that simulators count in."""
    return np.round(np.arange(rows) * precision_s, 12)


class Table:
    """Room for one row of values per vector, each as long as its run; large ones lie in a temporary file."""

    def __init__(self, rows: Indices, spill_dir: Path) -> None:
        """Make room.

        Args:
            rows: (v,) number of rows of each vector; 0 for those that take no part.
            spill_dir: where a temporary file may lie.
        """
        self.rows = rows
        self.first = np.concatenate(([0], np.cumsum(rows)))
        cells = int(self.first[-1])
        self.values = _allocate(cells, np.float64, np.nan, spill_dir)
        """All rows, vector after vector: a sum or a held value, by whoever fills it."""
        self.counts = _allocate(cells, np.uint32, 0, spill_dir)
        """Samples that took part in each value."""

    def slice(self, vector: int) -> slice:
        """Where the rows of a vector lie."""
        return slice(int(self.first[vector]), int(self.first[vector + 1]))


class StepMeans:
    """Count and mean of each step; a consumer of the pass over all samples."""

    def __init__(self, table: Table, wanted: NDArray[np.bool_], precision_s: float) -> None:
        self._table, self._wanted, self._precision_s = table, wanted, precision_s

    def take(self, samples: Samples) -> None:
        """Add samples to their steps."""
        chosen = samples.select(self._wanted)
        if chosen is None:
            return
        steps = np.floor(chosen.times_s / self._precision_s + ROUNDING).astype(np.intp)
        cells, starts = _cells(chosen, steps, self._table)
        values, counts = chosen.values, np.diff(starts, append=steps.size)
        if not chosen.is_finite:
            there = ~np.isnan(values)
            values = np.where(there, values, 0.0)
            counts = np.add.reduceat(there, starts, dtype=np.int64)
        table = self._table
        before = np.where(table.counts[cells] > 0, table.values[cells], 0.0)
        sums = before + np.add.reduceat(values, starts)
        table.counts[cells] += counts.astype(np.uint32)
        table.values[cells] = np.where(table.counts[cells] > 0, sums, np.nan)

    def finish(self, vector: int) -> tuple[Floats, NDArray[np.uint32]]:
        """Means and counts of a vector, views of the table; the mean of an empty step is NaN.  Call it once."""
        place = self._table.slice(vector)
        values, counts = self._table.values[place], self._table.counts[place]
        with np.errstate(invalid="ignore", divide="ignore"):
            np.divide(values, counts, out=values)
        return values, counts


class HeldValues:
    """The last value at or before each row; a consumer of the pass over all samples."""

    def __init__(self, table: Table, wanted: NDArray[np.bool_], precision_s: float) -> None:
        self._table, self._wanted, self._precision_s = table, wanted, precision_s

    def take(self, samples: Samples) -> None:
        """Put each sample to the first row at or after it; the last one there stays."""
        chosen = samples.select(self._wanted)
        if chosen is None:
            return
        rows = np.ceil(chosen.times_s / self._precision_s - ROUNDING).astype(np.intp)
        rows = np.minimum(rows, np.repeat(self._table.rows[chosen.vectors], chosen.lengths))
        # Samples after the last row would land in the next vector's rows.
        after = rows == np.repeat(self._table.rows[chosen.vectors], chosen.lengths)
        cells, starts = _cells(chosen, rows, self._table)
        last = np.append(starts[1:], rows.size) - 1
        inside = ~after[last]
        self._table.values[cells[inside]] = chosen.values[last[inside]]
        self._table.counts[cells[inside]] += 1

    def finish(self, vector: int) -> Floats:
        """The held values of a vector, a view of the table; NaN before its first sample."""
        place = self._table.slice(vector)
        values = self._table.values[place]
        values[:] = hold(values, self._table.counts[place])
        return values


class Interpolated:
    """The value at each row on the line between samples; a consumer of the pass over all samples."""

    def __init__(self, table: Table, wanted: NDArray[np.bool_], precision_s: float) -> None:
        self._table, self._wanted, self._precision_s = table, wanted, precision_s
        self._last: dict[int, tuple[float, float]] = {}

    def take(self, samples: Samples) -> None:
        """Fill the rows between each vector's last sample and its newest."""
        chosen = samples.select(self._wanted)
        if chosen is None:
            return
        for vector, start, end in zip(chosen.vectors, chosen.starts, chosen.ends, strict=True):
            times, values = chosen.times_s[start : end + 1], chosen.values[start : end + 1]
            if (known := self._last.get(int(vector))) is not None:
                times, values = np.append(known[0], times), np.append(known[1], values)
            self._fill(int(vector), times, values)
            self._last[int(vector)] = (float(times[-1]), float(values[-1]))

    def finish(self, vector: int) -> Floats:
        """The interpolated values of a vector, a view of the table; NaN before its first sample and after its last."""
        return self._table.values[self._table.slice(vector)]

    def _fill(self, vector: int, times_s: Floats, values: Floats) -> None:
        begin = math.ceil(times_s[0] / self._precision_s - ROUNDING)
        end = math.floor(times_s[-1] / self._precision_s + ROUNDING) + 1
        end = min(end, int(self._table.rows[vector]))
        if end > begin:
            rows = np.arange(begin, end) * self._precision_s
            first = int(self._table.first[vector])
            # Of samples at the same time interp takes the last one at that time, the first one before it.
            self._table.values[first + begin : first + end] = np.interp(rows, times_s, values)


def hold(values: Floats, counts: NDArray[np.integer]) -> Floats:
    """Repeat each value until the next one that has a count; NaN before the first."""
    newest = np.maximum.accumulate(np.where(counts > 0, np.arange(values.size), -1))
    return np.where(newest >= 0, values[newest], np.nan)


def _cells(samples: Samples, steps: Indices, table: Table) -> tuple[Indices, Indices]:
    """The cells that samples fall into, each once, and the first sample of each."""
    cells = steps + np.repeat(table.first[samples.vectors], samples.lengths)
    changes = cells[1:] != cells[:-1]
    # The step after a vector's last one has the number of the next vector's first: keep them apart.
    changes[samples.starts[1:] - 1] = True
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    return cells[starts], starts


def _allocate(cells: int, dtype: type[Number], fill: float, spill_dir: Path) -> NDArray[Number]:
    table: NDArray[Number]
    if cells * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
        table = np.full(cells, fill, dtype=dtype)
        return table
    with tempfile.TemporaryFile(
        dir=spill_dir
    ) as spill:  # the mapping keeps the nameless file alive
        os.posix_fallocate(
            spill.fileno(), 0, cells * np.dtype(dtype).itemsize
        )  # else SIGBUS, later
        table = np.memmap(spill, dtype=dtype, mode="w+", shape=(cells,))
    for start in range(0, cells if fill else 0, 1 << 20):
        table[start : start + (1 << 20)] = fill
    return table
