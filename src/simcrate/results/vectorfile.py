"""Read `.vec` files: which vectors they hold, from the index, and samples, block by block.

Source: OMNeT++ Simulation Manual, appendix "Result File Formats".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.errors import ResultFormatError
from simcrate.results.blocks import Blocks
from simcrate.results.chunks import end_of_last_line, read_chunks
from simcrate.results.datalines import Layout
from simcrate.results.declarations import DeclaredVectors
from simcrate.results.indexcheck import check_index
from simcrate.results.resultfile import within
from simcrate.results.runs import CUT_OFF, EMPTY, Incomplete, Run
from simcrate.results.samplecheck import SampleCheck
from simcrate.results.tables import Items, Kind, no_items
from simcrate.results.timeorder import Integers
from simcrate.results.vectorindex import UnusableIndexError
from simcrate.results.vectoritems import vector_items
from simcrate.results.vectorscan import VectorScan

VECTOR_CHUNK_BYTES = 4 << 20
"""How much of one vector is parsed at a time."""


_REBUILT = "the index was not used and all data were read instead"
_STALE = "the index is of another time than the data, as after copying; it was checked against them and used"
_OPEN_INDEX = "its index is still open: the run goes on or was killed"


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds, by its index or by reading it."""

    declared: DeclaredVectors
    blocks: Blocks
    incomplete: tuple[str, ...]
    warnings: tuple[str, ...]


class VectorFile:
    """One `.vec` file with its `.vci` index, if that can be believed.

    Nothing is read before it is asked for.  Every method raises ResultFormatError for a line that is not
    what the format says.
    """

    def __init__(self, path: Path, *, use_index: bool = True) -> None:
        """Remember where the file is.

        Args:
            path: the `.vec` file; its index is beside it.
            use_index: False reads all data rather than believe an index.
        """
        self.path = path
        self._use_index = use_index

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that the file declares."""
        return self._content.declared.runs

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        """Why the file is not all that the run meant to write."""
        run = self.runs[-1].id if self.runs else ""
        return tuple(
            Incomplete(file=self.path, run=run, why=why) for why in self._content.incomplete
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was wrong with the index."""
        return self._content.warnings

    def items(self, kind: Kind) -> Items:
        """The vectors, numbered by their rows."""
        return self._vectors if kind is Kind.VECTORS else no_items(kind)

    def samples(self, rows: Sequence[int], layout: Layout) -> Iterator[pa.Table]:
        """Samples of some vectors, in the order of the file.

        Args:
            rows: which vectors.
            layout: how.

        Yields:
            columns vector int64 (the row), event (if wanted), time, value.
        """
        declared, blocks = self._content.declared, self._content.blocks
        wanted = np.zeros(len(declared.vectors) + 1, np.bool_)
        wanted[np.asarray(rows, np.int64)] = True
        chosen = blocks.take(wanted[blocks.row])
        check = SampleCheck(self.path)
        check.declare(declared)
        for chunk in read_chunks(self.path, chosen.ranges()):
            table, found = check.parse(chunk, layout)
            table = table.set_column(0, "vector", pa.array(found))
            mask = wanted[found]
            yield table if mask.all() else table.filter(pa.array(mask))

    def vector_samples(
        self, row: int, layout: Layout, *, start_s: float, end_s: float
    ) -> Iterator[pa.Table]:
        """Samples of one vector in [start_s, end_s), from its blocks.

        Yields:
            columns event (if wanted), time, value.

        Raises:
            ResultFormatError: the index said something else about the whole vector.
        """
        declared, own = self._content.declared, self._blocks_of(row)
        chosen = own.take((own.last_time_s >= start_s) & (own.first_time_s < end_s))
        check = SampleCheck(self.path)
        check.declare(declared)
        count = 0
        for chunk in read_chunks(self.path, chosen.ranges(), VECTOR_CHUNK_BYTES):
            table, found = check.parse(chunk, layout)
            if not (found == row).all():
                table = table.filter(pa.array(found == row))
            count += table.num_rows
            yield within(table.drop_columns("id"), start_s, end_s)
        if count != chosen.count.sum():
            message = (
                f"the index says that vector {declared.vectors[row].id} has {chosen.count.sum()} samples, "
                f"the data have {count}; remove {self._index_path.name} to read it without"
            )
            raise ResultFormatError(message, file=self.path)

    @property
    def _index_path(self) -> Path:
        return self.path.with_suffix(".vci")

    @cached_property
    def _content(self) -> _Content:
        size, end = self.path.stat().st_size, end_of_last_line(self.path)
        incomplete = [] if size == end > 0 else [CUT_OFF if size else EMPTY]
        warnings = []
        if self._use_index and end:
            try:
                index = check_index(self.path, self._index_path, end)
            except UnusableIndexError as error:
                warnings.append(f"{_REBUILT}: {error}")
            else:
                warnings += [_STALE] if index.is_stale else []
                incomplete += [_OPEN_INDEX] if index.is_open else []
                return _Content(index.declared, index.blocks, tuple(incomplete), tuple(warnings))
        scan = VectorScan(self.path)
        scan.read_all(end)
        return _Content(scan.declared, scan.blocks, tuple(incomplete), tuple(warnings))

    def _blocks_of(self, row: int) -> Blocks:
        order, bounds = self._blocks_by_row
        return self._content.blocks.take(order[bounds[row] : bounds[row + 1]])

    @cached_property
    def _blocks_by_row(self) -> tuple[Integers, Integers]:
        """An order of the blocks by their vectors, and where in it each vector begins, (m + 1,)."""
        rows = self._content.blocks.row
        order = np.argsort(rows, kind="stable")
        every_row = np.arange(len(self._content.declared.vectors) + 1)
        return order, np.searchsorted(rows[order], every_row)

    @cached_property
    def _vectors(self) -> Items:
        return vector_items(self._content.declared.vectors, self._content.blocks)
