"""Read `.sca` and `.vec` files that are SQLite databases, as OMNeT++ 5.1 and newer can write them.

A file of a run that goes on or was killed has vectors whose summaries are not filled in yet; those are
made from the samples.

Source: the schemas that OMNeT++ 5.1, 5.6 and 6.1 create; no version of the schema is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.results.blocks import NO_BLOCKS, UNKNOWN, Blocks, summarise
from simcrate.results.database import EVERY_ROW, Database, Row
from simcrate.results.datalines import FLOATS, Layout
from simcrate.results.resultfile import within
from simcrate.results.rowranges import RowRanges
from simcrate.results.runs import Incomplete, Run
from simcrate.results.simtime import times_of
from simcrate.results.sqliteitems import (
    StoredRun,
    read_attributes,
    read_items,
    read_runs,
    run_of,
)
from simcrate.results.tables import Attributes, Items, Kind
from simcrate.results.timeorder import Integers, TimeOrder, run_starts
from simcrate.results.vectoritems import vector_items

_SAMPLES = ("vectorData", ("vectorId", "eventNumber", "simtimeRaw", "value"))
_MOST_SCANS = (
    16  # SQLite goes through all samples this often in the time that finding all vectors takes
)
_SUMMARIES = (
    "vector",
    (
        "vectorCount",
        "vectorMin",
        "vectorMax",
        "vectorSum",
        "vectorSumSqr",
        "startSimtimeRaw",
        "endSimtimeRaw",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vector:
    """One row of the table of vectors."""

    id: int
    run: str
    module: str
    name: str
    time_exponent: int
    attributes: Attributes
    has_events: bool = True


class SqliteFile:
    """One SQLite result file; it may hold items of all kinds.

    Every member raises ResultFormatError for a damaged database or one that holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: tuple[str, ...] = ()
        self._asked = 0
        """How often samples of a single vector were asked for."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that the file names."""
        return tuple(run.header.finish() for run in self._runs.values())

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        """A journal beside the file means that it is being written, or was when the writer died."""
        journals = [self.path.with_name(self.path.name + suffix) for suffix in ("-journal", "-wal")]
        if not any(journal.exists() for journal in journals):
            return ()
        return (
            Incomplete(
                file=self.path, run=self.runs[-1].id, why="a journal beside it is not applied yet"
            ),
        )

    def items(self, kind: Kind) -> Items:
        """The items of one kind; vectors are numbered by their rows."""
        if kind is Kind.VECTORS:
            return vector_items(self._vectors, self._blocks)
        return self._tables[kind]

    def samples(self, rows: Sequence[int], layout: Layout) -> Iterator[pa.Table]:
        """Samples of some vectors, in the order of the file."""
        wanted = np.zeros(len(self._vectors), np.bool_)
        wanted[np.asarray(rows, np.int64)] = True
        for table in self._read_samples(layout):
            mask = wanted[table.column("vector").to_numpy()]
            yield table if mask.all() else table.filter(pa.array(mask))

    def vector_samples(
        self, row: int, layout: Layout, *, start_s: float, end_s: float
    ) -> Iterator[pa.Table]:
        """Samples of one vector in [start_s, end_s)."""
        count = 0
        for table in self._read_samples(layout, row):
            count += table.num_rows
            yield within(table.drop_columns("vector"), start_s, end_s)
        said = int(self._blocks.count[self._blocks.row == row].sum())
        if count != said:
            number = self._vectors[row].id
            raise self._database.error(f"expected {said} samples of vector {number}, found {count}")

    @cached_property
    def _database(self) -> Database:
        return Database(self.path)

    @cached_property
    def _runs(self) -> dict[int, StoredRun]:
        return read_runs(self._database)

    @cached_property
    def _tables(self) -> dict[Kind, Items]:
        return read_items(self._database, self._runs).tables()

    @cached_property
    def _vectors(self) -> list[_Vector]:
        database = self._database
        attributes = read_attributes(database, "vector", "vectorId")
        vectors = []
        columns = ("vectorId", "runId", "moduleName", "vectorName")
        for number, run, module, name in database.rows(("vector", columns)):
            header = run_of(database, self._runs, run)
            vectors.append(
                _Vector(
                    id=database.whole(number),
                    run=header.id,
                    module=database.text(module),
                    name=database.text(name),
                    time_exponent=self._runs[database.whole(run)].time_exponent,
                    attributes=attributes.get(database.whole(number), {}),
                )
            )
        return vectors

    @cached_property
    def _row_by_id(self) -> dict[int, int]:
        return {vector.id: row for row, vector in enumerate(self._vectors)}

    @cached_property
    def _blocks(self) -> Blocks:
        """One block per vector with samples, from the table of vectors if that is filled in."""
        rows = list(self._database.rows(_SUMMARIES))
        if len(rows) < len(self._vectors) or any(None in row[:3] for row in rows):
            return self._count_samples()
        parts = [
            self._block(row, cells)
            for row, cells in enumerate(rows)
            if self._database.whole(cells[0])
        ]
        return Blocks.concatenate([NO_BLOCKS, *parts])

    def _block(self, row: int, cells: Row) -> Blocks:
        number, whole = self._database.number, self._database.whole
        count, low, high, total, squares, first, last = cells
        exponent = self._vectors[row].time_exponent
        times = times_of([whole(first), whole(last)], [exponent] * 2, pa.float64()).to_numpy()
        nowhere = np.zeros(1, np.int64)
        return Blocks(
            row=np.array([row]),
            offset=nowhere,
            length=nowhere,
            first_time_s=times[:1],
            last_time_s=times[1:],
            count=np.array([whole(count)]),
            min=np.array([number(low)]),
            max=np.array([number(high)]),
            sum=np.array([number(total)]),
            sqrsum=np.array([number(squares)]),
            nan_count=np.array([UNKNOWN if total is None else 0]),
        )

    def _count_samples(self) -> Blocks:
        parts = [NO_BLOCKS]
        for table in self._read_samples(FLOATS):
            rows, times, values = (table.column(name).to_numpy() for name in table.column_names)
            nowhere = np.zeros(len(rows), np.int64)
            parts.append(summarise(rows, times, values, offsets=nowhere, lengths=nowhere))
        return Blocks.concatenate(parts)

    def _read_samples(self, layout: Layout, row: int | None = None) -> Iterator[pa.Table]:
        """All samples, or those of one vector: columns vector, event (if wanted), time, value."""
        if self._database.first(_SAMPLES) is None:
            return
        order = TimeOrder(len(self._vectors))
        for batch in self._sample_rows(row):
            table = self._sample_table(batch, layout)
            rows = table.column("vector").to_numpy()
            starts = run_starts(rows)
            times = table.column("time").cast(pa.float64()).to_numpy()
            if not order.holds(times, starts, rows[starts]):
                raise self._database.error("the times of a vector decrease")
            yield table

    def _sample_rows(self, row: int | None) -> Iterator[list[Row]]:
        if row is None:
            return self._database.batches(_SAMPLES)
        self._asked += 1
        ranges = self._row_ranges.of(row) if self._asked > _MOST_SCANS else (EVERY_ROW,)
        equal = ("vectorId", self._vectors[row].id)
        return self._database.batches(_SAMPLES, equal=equal, ranges=ranges)

    @cached_property
    def _row_ranges(self) -> RowRanges:
        return RowRanges(self._numbered_rows())

    def _numbered_rows(self) -> Iterator[tuple[Integers, Integers]]:
        for batch in self._database.batches(("vectorData", ("rowid", "vectorId"))):
            numbers, ids = zip(*batch, strict=True)
            yield self._rows_of(ids), np.array([self._database.whole(n) for n in numbers], np.int64)

    def _sample_table(self, batch: list[Row], layout: Layout) -> pa.Table:
        ids, events, raw, values = zip(*batch, strict=True)
        whole = self._database.whole
        rows = self._rows_of(ids)
        exponents = [self._vectors[row].time_exponent for row in rows.tolist()]
        columns = {"vector": pa.array(rows)}
        if layout.events:
            columns["event"] = pa.array([whole(event) for event in events], pa.int64())
        columns["time"] = times_of([whole(time) for time in raw], exponents, layout.time)
        numbers = [self._database.number(value) for value in values]
        if layout.value == pa.string():
            columns["value"] = pa.array([repr(number) for number in numbers])
        else:
            columns["value"] = pa.array(numbers, pa.float64())
        return pa.table(columns)

    def _rows_of(self, ids: Sequence[object]) -> Integers:
        rows = [self._row_by_id.get(number, -1) for number in ids]  # type: ignore[call-overload]
        if -1 in rows:
            found = ids[rows.index(-1)]
            raise self._database.error(f"expected samples of known vectors, found vector {found!r}")
        return np.array(rows, np.int64)
