"""One pass over all samples of many vectors, in the order of their files.

Files hold the samples of each vector in many small blocks between those of others.  A batch is brought into one
piece per vector, so that whatever looks at samples works on whole arrays and keeps only a little state per
vector between batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simcrate.errors import StatisticsError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)  # no slots: of cached properties
class Samples:
    """Some samples of some vectors, each vector in one piece, in the order of time."""

    vectors: Indices
    """(m,) which vectors, as positions in the list of vectors; none twice."""

    starts: Indices
    """(m,) where each vector's piece begins; none is empty."""

    times_s: Floats
    """(n,) simulated seconds."""

    values: Floats
    """(n,) NaN and infinite values as recorded."""

    @cached_property
    def lengths(self) -> Indices:
        """(m,) samples in each piece."""
        return np.diff(self.starts, append=self.times_s.size)

    @cached_property
    def ends(self) -> Indices:
        """(m,) position of the last sample of each piece."""
        return self.starts + self.lengths - 1

    @cached_property
    def is_finite(self) -> bool:
        """Whether every value is finite: then nobody needs to look for those that are not."""
        return bool(np.isfinite(self.values).all())

    def spread(self, per_vector: NDArray[np.generic]) -> NDArray[np.generic]:
        """Repeat one value per vector of the list for each of its samples: (n,)."""
        return np.repeat(per_vector[self.vectors], self.lengths)

    def select(self, wanted: NDArray[np.bool_]) -> Samples | None:
        """The pieces of the vectors that are wanted, by a flag per vector of the list; None when there are none."""
        kept = wanted[self.vectors]
        if kept.all():
            return self
        if not kept.any():
            return None
        mask = np.repeat(kept, self.lengths)
        lengths = self.lengths[kept]
        return Samples(
            vectors=self.vectors[kept],
            starts=np.cumsum(lengths) - lengths,
            times_s=self.times_s[mask],
            values=self.values[mask],
        )


class Consumer(Protocol):
    """Something that looks at every sample once."""

    def take(self, samples: Samples) -> None:
        """Look at more samples; those of a vector come in the order of time over all calls."""
        ...


class Grouping:
    """Bring batches of `ResultSet.all_samples` into one piece per vector."""

    def __init__(self, keys: NDArray[np.int64]) -> None:
        """Take the keys of all vectors; their positions are the numbers that `Samples` uses."""
        self._order = np.argsort(keys, kind="stable")
        self._sorted_keys = keys[self._order]
        self._last_times = np.zeros(keys.size)

    def group(self, batch: pa.RecordBatch) -> Samples | None:
        """The samples of a batch; None when it has none of our vectors.

        Raises:
            StatisticsError: the times of a vector decrease, lie before 0 or are no numbers.
        """
        keys = batch.column("vector").to_numpy()
        if not keys.size:
            return None
        starts = np.concatenate(([0], np.flatnonzero(keys[1:] != keys[:-1]) + 1))
        vectors, known = self._positions(keys[starts])
        samples = _one_piece_each(
            vectors,
            starts,
            batch.column("time_s").to_numpy(),
            batch.column("value").to_numpy(zero_copy_only=False),
        )
        if not known.all():
            ours = np.zeros(self._order.size + 1, dtype=bool)
            ours[:-1] = True
            selected = samples.select(ours)
            if selected is None:
                return None
            samples = selected
        self._check_times(samples)
        return samples

    def _positions(self, keys: NDArray[np.int64]) -> tuple[Indices, NDArray[np.bool_]]:
        """Position of each key; one past the end where it is not ours."""
        if not self._order.size:
            return np.zeros(keys.size, dtype=np.intp), np.zeros(keys.size, dtype=bool)
        places = np.minimum(np.searchsorted(self._sorted_keys, keys), self._order.size - 1)
        known = self._sorted_keys[places] == keys
        return np.where(known, self._order[places], self._order.size), known

    def _check_times(self, samples: Samples) -> None:
        times = samples.times_s
        rising = times[1:] >= times[:-1]  # false for NaN
        rising[samples.starts[1:] - 1] = True
        follows = times[samples.starts] >= self._last_times[samples.vectors]
        if not (rising.all() and follows.all() and np.isfinite(times[samples.ends]).all()):
            message = (
                "could not go through the samples: the times of a vector decrease, lie before 0 or are no numbers; "
                "the result file is damaged"
            )
            raise StatisticsError(message)
        self._last_times[samples.vectors] = times[samples.ends]


def _one_piece_each(vectors: Indices, starts: Indices, times_s: Floats, values: Floats) -> Samples:
    """Move blocks of the same vector together, without sorting samples."""
    order = np.argsort(vectors, kind="stable")
    ordered = vectors[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    if first.all():  # each vector has one block: they may stay where they are
        return Samples(vectors=vectors, starts=starts, times_s=times_s, values=values)
    lengths = np.diff(starts, append=times_s.size)[order]
    new_starts = np.cumsum(lengths) - lengths
    source = np.repeat(starts[order] - new_starts, lengths) + np.arange(times_s.size)
    return Samples(
        vectors=ordered[first],
        starts=new_starts[first],
        times_s=times_s[source],
        values=values[source],
    )
