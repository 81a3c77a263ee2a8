"""What every kind of result file offers to a `ResultSet`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from simcrate.results.datalines import Layout
from simcrate.results.runs import Incomplete, Run
from simcrate.results.tables import Items, Kind


class ResultFile(Protocol):
    """One file (a `.vec` with its index counts as one), read when it is asked.

    Every member may raise ResultFormatError.
    """

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that it is about."""
        ...

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        """Why it is less than its simulator meant to write."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about how it was read; sentences without the file's name."""
        ...

    def items(self, kind: Kind) -> Items:
        """Its items of one kind; vectors are numbered from 0, their rows."""
        ...

    def samples(self, rows: Sequence[int], layout: Layout) -> Iterator[pa.Table]:
        """Samples of the vectors of these rows, in the order of the file.

        Yields:
            columns vector int64 (the row), event int64 (if wanted), time, value.
        """
        ...

    def vector_samples(
        self, row: int, layout: Layout, *, start_s: float, end_s: float
    ) -> Iterator[pa.Table]:
        """Samples of one vector in [start_s, end_s), in order.

        Yields:
            columns event int64 (if wanted), time, value.
        """
        ...


class FileWithoutVectors:
    """The part of a result file that has no vectors, so that nobody can ask for their samples."""

    def samples(self, rows: Sequence[int], layout: Layout) -> Iterator[pa.Table]:  # noqa: ARG002
        """No samples."""
        return iter(())

    def vector_samples(
        self,
        row: int,  # noqa: ARG002
        layout: Layout,  # noqa: ARG002
        *,
        start_s: float,  # noqa: ARG002
        end_s: float,  # noqa: ARG002
    ) -> Iterator[pa.Table]:
        """No samples."""
        return iter(())


def within(samples: pa.Table, start_s: float, end_s: float) -> pa.Table:
    """The samples of one vector with times in [start_s, end_s).

    Args:
        samples: with a column `time` in rising order, in any layout.
        start_s: simulated seconds, or -Inf.
        end_s: simulated seconds, or Inf.
    """
    if start_s == -math.inf and end_s == math.inf:
        return samples
    times = samples.column("time").cast(pa.float64()).to_numpy()
    first, last = np.searchsorted(times, (start_s, end_s)).tolist()
    return samples.slice(first, max(last - first, 0))
