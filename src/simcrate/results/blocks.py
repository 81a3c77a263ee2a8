"""Where the samples of each vector lie in a `.vec` file, and sums over each such block."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcrate.results.chunks import Range
from simcrate.results.timeorder import Floats, Integers, run_starts

UNKNOWN = -1

_RUNS_PER_VECTOR = 8  # in one chunk; above that the vectors count as finely mixed


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Blocks in the order of the file, all arrays (n,)."""

    row: Integers
    """Row of the vector among the declared ones."""

    offset: Integers
    length: Integers
    """Bytes from `offset`; whole lines."""

    first_time_s: Floats
    last_time_s: Floats
    count: Integers
    min: Floats
    """Over the samples that are not NaN; +Inf if there are none."""

    max: Floats
    """As `min`; -Inf if there are none."""

    sum: Floats
    """NaN if one sample is NaN."""

    sqrsum: Floats
    nan_count: Integers
    """UNKNOWN where nobody counted."""

    @staticmethod
    def concatenate(parts: list[Blocks]) -> Blocks:
        """One after the other."""
        return Blocks(
            **{
                column.name: np.concatenate([getattr(part, column.name) for part in parts])
                for column in fields(Blocks)
            }
        )

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Blocks:
        """Some blocks, by number or mask."""
        return Blocks(
            **{column.name: getattr(self, column.name)[chosen] for column in fields(Blocks)}
        )

    def joined(self) -> Blocks:
        """Consecutive blocks of one vector, at least one, as one block."""
        with np.errstate(all="ignore"):  # NaN and Inf are values here
            return Blocks(
                row=self.row[:1],
                offset=self.offset[:1],
                length=self.length.sum(keepdims=True),
                first_time_s=self.first_time_s[:1],
                last_time_s=self.last_time_s[-1:],
                count=self.count.sum(keepdims=True),
                min=self.min.min(keepdims=True),
                max=self.max.max(keepdims=True),
                sum=self.sum.sum(keepdims=True),
                sqrsum=self.sqrsum.sum(keepdims=True),
                nan_count=self.nan_count.sum(keepdims=True),
            )

    def ranges(self) -> list[Range]:
        """Where the blocks lie, in the order of the file."""
        order = np.argsort(self.offset, kind="stable")
        pairs = zip(self.offset[order].tolist(), self.length[order].tolist(), strict=True)
        return [Range(*pair) for pair in pairs]

    def summaries(self, vectors: int) -> dict[str, pa.Array]:
        """The columns of the table of vectors that are about samples.

        Args:
            vectors: how many vectors are declared, m; all columns are (m,).
        """
        count, total, squares = np.zeros(vectors, np.int64), np.zeros(vectors), np.zeros(vectors)
        lowest, highest = np.full(vectors, np.inf), np.full(vectors, -np.inf)
        first, last = np.full(vectors, np.inf), np.full(vectors, -np.inf)
        nan_count, unknown = np.zeros(vectors, np.int64), np.zeros(vectors, np.bool_)
        with np.errstate(all="ignore"):  # NaN and Inf are values here
            np.add.at(count, self.row, self.count)
            np.add.at(total, self.row, self.sum)
            np.add.at(squares, self.row, self.sqrsum)
            np.fmin.at(lowest, self.row, self.min)
            np.fmax.at(highest, self.row, self.max)
            np.minimum.at(first, self.row, self.first_time_s)
            np.maximum.at(last, self.row, self.last_time_s)
            np.add.at(nan_count, self.row, np.maximum(self.nan_count, 0))
            unknown[self.row[self.nan_count == UNKNOWN]] = True
            mean = total / count
            variance = (squares - total * mean) / (count - 1)
            stddev = np.sqrt(np.where(count > 1, np.maximum(variance, 0.0), np.nan))
        empty, only_nan = count == 0, ~(lowest <= highest)
        return {
            "count": pa.array(count),
            "min": pa.array(lowest, mask=only_nan),
            "max": pa.array(highest, mask=only_nan),
            "mean": pa.array(mean, mask=empty),
            "stddev": pa.array(stddev, mask=empty),
            "first_time_s": pa.array(first, mask=empty),
            "last_time_s": pa.array(last, mask=empty),
            "nan_count": pa.array(nan_count, mask=unknown),
        }


_NO_INTEGERS, _NO_FLOATS = np.empty(0, np.int64), np.empty(0, np.float64)

NO_BLOCKS = Blocks(
    row=_NO_INTEGERS,
    offset=_NO_INTEGERS,
    length=_NO_INTEGERS,
    first_time_s=_NO_FLOATS,
    last_time_s=_NO_FLOATS,
    count=_NO_INTEGERS,
    min=_NO_FLOATS,
    max=_NO_FLOATS,
    sum=_NO_FLOATS,
    sqrsum=_NO_FLOATS,
    nan_count=_NO_INTEGERS,
)


def group_samples(rows: Integers) -> tuple[Integers, Integers]:
    """Bring samples of each vector together unless they mostly are, without changing their order.

    Args:
        rows: the vector of each sample, (n,).

    Returns:
        an order of the samples, (n,), and where in it runs of one vector begin, (k,).
    """
    heads = run_starts(rows)
    if len(heads) <= _RUNS_PER_VECTOR * len(np.unique(rows[heads])):
        return np.arange(len(rows)), heads
    order = np.argsort(rows, kind="stable")
    return order, run_starts(rows[order])


def summarise(
    rows: Integers, times: Floats, values: Floats, *, offsets: Integers, lengths: Integers
) -> Blocks:
    """Blocks of consecutive samples of one vector each, or one per vector if they are finely mixed.

    Args:
        rows: the vector of each sample, (n,).
        times: simulated seconds, (n,).
        values: (n,).
        offsets: where each sample lies, (n,).
        lengths: how many bytes it has, (n,).
    """
    if not len(rows):
        return NO_BLOCKS
    order, heads = group_samples(rows)
    tails = np.concatenate((heads[1:], [len(rows)])) - 1
    begins, ends = offsets[order], (offsets + lengths)[order]
    times, values = times[order], values[order]
    with np.errstate(all="ignore"):  # NaN and Inf are values here
        lowest, highest = np.fmin.reduceat(values, heads), np.fmax.reduceat(values, heads)
        return Blocks(
            row=rows[order][heads],
            offset=begins[heads],
            length=ends[tails] - begins[heads],
            first_time_s=times[heads],
            last_time_s=times[tails],
            count=tails - heads + 1,
            min=np.where(np.isnan(lowest), np.inf, lowest),
            max=np.where(np.isnan(highest), -np.inf, highest),
            sum=np.add.reduceat(values, heads),
            sqrsum=np.add.reduceat(values * values, heads),
            nan_count=np.add.reduceat(np.isnan(values).astype(np.int64), heads),
        )
