"""One number per vector: from the index where that suffices, else from samples.

An index knows count, minimum, maximum and mean of the samples.  The mean over time and the last value need the
samples; so does whatever a NaN or infinite sample makes NaN or infinite in the index.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simcrate.results import ResultSet
from simcrate.statistics.catalogue import Reducer
from simcrate.statistics.reductions import Reductions
from simcrate.statistics.samples import Floats, Indices, Samples
from simcrate.statistics.timeaverage import Mode
from simcrate.statistics.warmup import configured_warmup_s


def new_reductions(
    results: ResultSet, vectors: pa.Table, ends_s: Mapping[str, float]
) -> Reductions:
    """Empty reductions for the vectors of a table, which start after the warm-up that each run asks for."""
    ends = np.array([ends_s.get(run, 0.0) for run in vectors["run"].to_pylist()], dtype=float)
    return Reductions(modes_of(vectors), _starts_s(results, vectors), ends)


def modes_of(vectors: pa.Table) -> list[Mode]:
    """The interpolation mode of each vector of a table."""
    return [Mode.of(text) for text in vectors["interpolation"].to_pylist()]


class VectorNumbers:
    """Any reducer of any vector of a table; reads samples only for what the index cannot tell."""

    def __init__(
        self,
        results: ResultSet,
        vectors: pa.Table,
        ends_s: Mapping[str, float],
        reductions: Reductions | None = None,
    ) -> None:
        """Take what is there.

        Args:
            results: where samples can be asked for.
            vectors: the table of vectors.
            ends_s: end of each run, simulated seconds, by run ID.
            reductions: of all samples, when somebody went through them anyway.
        """
        self._results, self.vectors = results, vectors
        self._complete = reductions is not None
        self._reductions = reductions or new_reductions(results, vectors, ends_s)
        self._known: dict[Reducer, Floats] = {}
        self._is_read = np.zeros(vectors.num_rows, dtype=bool)
        self._has_warmup = _floats(vectors, "first_time_s") < _starts_s(results, vectors)
        self._is_none = np.array([mode is Mode.NONE for mode in modes_of(vectors)], dtype=bool)

    def values(self, reducer: Reducer, wanted: Indices) -> Floats:
        """(n,) the reducer's value of the vectors at the wanted positions; NaN = no samples, or missing ones only."""
        if not self._complete:
            self._read(wanted[self._needs_samples(reducer, wanted)])
            index, is_read = self._from_index(reducer)[wanted], self._is_read[wanted]
            if not is_read.any():
                return index
            return np.where(is_read, self._from_samples(reducer)[wanted], index)
        if reducer not in self._known:
            self._known[reducer] = self._from_samples(reducer)
        return self._known[reducer][wanted]

    def bounds(self, wanted: Indices) -> tuple[Floats, Floats]:
        """Smallest and largest finite sample of each vector; NaN without any."""
        return self.values(Reducer.MIN, wanted), self.values(Reducer.MAX, wanted)

    def sample_counts(self, wanted: Indices) -> tuple[int, int, int]:
        """How many samples the vectors have together, and how many of these are NaN and infinite."""
        if not self._complete:
            self._read(wanted[self._needs_samples(Reducer.SUM, wanted)])
        counted = np.nan_to_num(_floats(self.vectors, "count")[wanted])
        nan_count, inf_count = (
            self._reductions.nan_count[wanted],
            self._reductions.inf_count[wanted],
        )
        return int(counted.sum()), int(nan_count.sum()), int(inf_count.sum())

    def _needs_samples(self, reducer: Reducer, wanted: Indices) -> NDArray[np.bool_]:
        unread = (_floats(self.vectors, "count")[wanted] > 0) & ~self._is_read[wanted]
        if reducer is Reducer.LAST:
            return unread
        needed = self._has_warmup[wanted]
        if reducer is not Reducer.COUNT:  # a sample that is no number spoils what the index says
            column = reducer.value if reducer in (Reducer.MIN, Reducer.MAX) else "mean"
            needed = needed | ~np.isfinite(_floats(self.vectors, column)[wanted])
        if reducer in (Reducer.MEAN, Reducer.TIMEAVG):
            needed = needed | ~self._is_none[wanted]
        return np.logical_and(unread, needed)

    def _read(self, wanted: Indices) -> None:
        keys = self.vectors["vector"].to_numpy()
        for position in wanted.tolist():
            for batch in self._results.samples(int(keys[position])):
                if batch.num_rows:
                    self._reductions.take(_samples_of_one(position, batch))
            self._is_read[position] = True

    def _from_index(self, reducer: Reducer) -> Floats:
        match reducer:
            case Reducer.COUNT | Reducer.MIN | Reducer.MAX:
                return _floats(self.vectors, reducer.value)
            case Reducer.SUM:
                return _floats(self.vectors, "mean") * _floats(self.vectors, "count")
            case Reducer.MEAN | Reducer.TIMEAVG:
                return np.where(self._is_none, _floats(self.vectors, "mean"), np.nan)
            case Reducer.LAST:
                return np.full(self.vectors.num_rows, np.nan)

    def _from_samples(self, reducer: Reducer) -> Floats:
        match reducer:
            case Reducer.COUNT:
                return self._reductions.count.astype(float)
            case Reducer.MIN:
                return self._reductions.bounds()[0]
            case Reducer.MAX:
                return self._reductions.bounds()[1]
            case Reducer.SUM:
                return self._reductions.sums()
            case Reducer.MEAN | Reducer.TIMEAVG:
                return self._reductions.means()
            case Reducer.LAST:
                return self._reductions.last


def _starts_s(results: ResultSet, vectors: pa.Table) -> Floats:
    """(v,) end of the warm-up of each vector's run, simulated seconds; NaN without one."""
    warmup_s = {run.id: configured_warmup_s(run.config) or np.nan for run in results.runs}
    return np.array([warmup_s[run] for run in vectors["run"].to_pylist()], dtype=float)


def _floats(table: pa.Table, column: str) -> Floats:
    values: Floats = table[column].to_numpy(zero_copy_only=False).astype(float)
    return values


def _samples_of_one(position: int, batch: pa.RecordBatch) -> Samples:
    return Samples(
        vectors=np.array([position]),
        starts=np.array([0]),
        times_s=batch.column("time_s").to_numpy(),
        values=batch.column("value").to_numpy(zero_copy_only=False),
    )
