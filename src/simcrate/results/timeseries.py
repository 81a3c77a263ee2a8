"""Read CSV time series, as other simulators and people write them.

The accepted shape:

- Comma-separated, UTF-8, a header row; the first column is `time`, `time_s` or `sim_time_s`, or one of
  these with the unit `[s]`: simulated seconds, never decreasing.
- Every other column is a vector: `NAME`, `MODULE/NAME`, either with a unit as `NAME [UNIT]`.
- An empty cell means no sample; `nan`, `inf` and `-inf` are samples.
- Lines before the header that begin with `#` may say more, as headers of OMNeT++ files do: `# run ID`,
  `# attr NAME VALUE`, `# itervar NAME VALUE`, `# config KEY VALUE`.  Without an ID the run is called like
  the file.

There are no event numbers, and no interpolation mode is declared.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from simcrate.errors import ResultFormatError
from simcrate.results.blocks import NO_BLOCKS, Blocks, summarise
from simcrate.results.chunks import Chunk, Range, end_of_last_line, format_error, read_chunks
from simcrate.results.datalines import FLOATS, Layout
from simcrate.results.header import HeaderReader
from simcrate.results.resultfile import within
from simcrate.results.runs import CUT_OFF, Incomplete, Run
from simcrate.results.tables import Attributes, Items, Kind, no_items
from simcrate.results.text import LineError, parse_number, shorten, split, whole_lines
from simcrate.results.timeorder import LATEST_S, TimeOrder
from simcrate.results.vectoritems import vector_items

_TIME_COLUMN = re.compile(r"\ufeff?(time|time_s|sim_time_s)( \[s\])?", re.IGNORECASE)
_VECTOR_NAME = re.compile(r"(?P<path>.*?)(?: ?\[(?P<unit>[^\]]*)\])?", re.DOTALL)
_TIME = "time"
_HELD_BYTES = 4 << 20  # of text; the samples of so much are held
_PARSING = pyarrow.csv.ParseOptions(newlines_in_values=False, ignore_empty_lines=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column of values."""

    run: str
    module: str
    name: str
    attributes: Attributes
    has_events: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What stands before the samples."""

    runs: tuple[Run, ...]
    columns: tuple[_Column, ...]
    end: int
    """Where in the file the samples begin."""


def is_time_series(path: Path) -> bool:
    """Whether a file begins as the accepted shape does."""
    try:
        with path.open("rb") as stream:
            for _, line in whole_lines(stream, path):
                if not line.startswith(b"#"):
                    return bool(_TIME_COLUMN.fullmatch(_cells(line)[0]))
    except (ResultFormatError, LineError, OSError):
        return False
    return False


class TimeSeriesFile:
    """One CSV file of time series.

    Every member raises ResultFormatError, naming the line, for a file of another shape.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: tuple[str, ...] = ()
        self._held: tuple[int, Layout, dict[int, list[pa.Table]]] | None = None
        """Samples of neighbours: the first of them, in which layout, and by row."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """The one run that the file is about."""
        return self._head.runs

    @property
    def incomplete(self) -> tuple[Incomplete, ...]:
        """Whether the last line is cut off."""
        if self._end == self.path.stat().st_size:
            return ()
        return (Incomplete(file=self.path, run=self.runs[0].id, why=CUT_OFF),)

    def items(self, kind: Kind) -> Items:
        """The columns as vectors."""
        return (
            vector_items(self._head.columns, self._blocks)
            if kind is Kind.VECTORS
            else no_items(kind)
        )

    def samples(self, rows: Sequence[int], layout: Layout) -> Iterator[pa.Table]:
        """Samples of some columns, some ten thousand lines of one column after those of another."""
        order = TimeOrder(1)
        for chunk in read_chunks(self.path, [Range(self._head.end, self._end - self._head.end)]):
            table = self._parse(chunk, rows, layout)
            times = table.column(_TIME).cast(pa.float64()).to_numpy()
            starts = np.zeros(min(len(times), 1), np.int64)
            if not order.holds(times, starts, starts):
                raise self._explain(chunk)
            for row in rows:
                yield self._column(table, row, layout)

    def vector_samples(
        self, row: int, layout: Layout, *, start_s: float, end_s: float
    ) -> Iterator[pa.Table]:
        """Samples of one column in [start_s, end_s)."""
        for table in self._tables_of(row, layout):
            yield within(table.drop_columns("vector"), start_s, end_s)

    def _tables_of(self, row: int, layout: Layout) -> Iterable[pa.Table]:
        """Samples of one column, and with it of its neighbours: a line has a cell of each, and they are wanted next."""
        columns, size = len(self._head.columns), self._end - self._head.end
        together = max(1, _HELD_BYTES * columns // max(1, size))
        if together == 1:
            return self.samples([row], layout)
        first = row - row % together
        held = self._held
        if held is None or held[:2] != (first, layout):
            neighbours = range(first, min(first + together, columns))
            held = self._held = (first, layout, self._by_row(neighbours, layout))
        return held[2][row]

    def _by_row(self, rows: Sequence[int], layout: Layout) -> dict[int, list[pa.Table]]:
        tables: dict[int, list[pa.Table]] = {row: [] for row in rows}
        for row, table in zip(cycle(rows), self.samples(rows, layout), strict=False):
            tables[row].append(table)
        return tables

    @cached_property
    def _end(self) -> int:
        return end_of_last_line(self.path)

    @cached_property
    def _head(self) -> _Head:
        header = HeaderReader()
        header.read(["version", "3"])
        position, number = 0, 1
        try:
            with self.path.open("rb") as stream:
                for number, line in whole_lines(stream, self.path):  # noqa: B007 - for the error
                    position = stream.tell()
                    if not line.startswith(b"#"):
                        return self._read_columns(header, line, position)
                    if tokens := split(line.removeprefix(b"#")):
                        header.read(tokens)
        except LineError as error:
            raise ResultFormatError(str(error), file=self.path, line=number) from error
        message = "expected a header row with `time` first, found none"
        raise ResultFormatError(message, file=self.path, line=number)

    def _read_columns(self, header: HeaderReader, line: bytes, end: int) -> _Head:
        if not header.runs:
            header.read(["run", self.path.stem])
        first, *names = _cells(line)
        if not _TIME_COLUMN.fullmatch(first):
            message = f"expected a first column `time`, found {shorten(first)}"
            raise LineError(message)
        if len(set(names)) < len(names) or "" in names:
            message = "expected a name for every column, each once"
            raise LineError(message)
        run_id = header.runs[-1].id
        return _Head(
            runs=(header.runs[-1].finish(),),
            columns=tuple(_column(run_id, name) for name in names),
            end=end,
        )

    @cached_property
    def _blocks(self) -> Blocks:
        parts = [NO_BLOCKS]
        for table in self.samples(range(len(self._head.columns)), FLOATS):
            rows, times, values = (table.column(name).to_numpy() for name in table.column_names)
            nowhere = np.zeros(len(rows), np.int64)
            parts.append(summarise(rows, times, values, offsets=nowhere, lengths=nowhere))
        return Blocks.concatenate(parts)

    def _parse(self, chunk: Chunk, rows: Sequence[int], layout: Layout) -> pa.Table:
        """The column of times, named `time`, and columns named by their numbers."""
        names = [_TIME, *map(str, range(len(self._head.columns)))]
        is_text = pa.types.is_string(layout.time)
        types = dict.fromkeys(names, layout.value) | {
            _TIME: pa.string() if is_text else pa.float64()
        }
        try:
            return pyarrow.csv.read_csv(
                pa.BufferReader(chunk.data),
                read_options=pyarrow.csv.ReadOptions(column_names=names),
                parse_options=_PARSING,
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types,
                    include_columns=[_TIME, *map(str, rows)],
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._explain(chunk) from error

    def _column(self, table: pa.Table, row: int, layout: Layout) -> pa.Table:
        present = table.select([_TIME, str(row)]).filter(table.column(str(row)).is_valid())
        columns = {"vector": pa.array(np.full(present.num_rows, row))}
        if layout.events:
            columns["event"] = pa.nulls(present.num_rows, pa.int64())
        times = present.column(_TIME)
        columns[_TIME] = _decimals(times) if pa.types.is_decimal(layout.time) else times
        columns["value"] = present.column(str(row))
        return pa.table(columns)

    def _explain(self, chunk: Chunk) -> ResultFormatError:
        """Walk through the lines of a chunk in which something is wrong until it shows."""
        position, last_s = 0, -LATEST_S
        for line in chunk.data.to_pybytes().splitlines(keepends=True):
            try:
                last_s = self._check_line(line.rstrip(b"\r\n"), last_s)
            except LineError as error:
                return format_error(self.path, str(error), chunk.offset(position))
            position += len(line)
        return format_error(self.path, "expected lines of comma-separated numbers", chunk.offset(0))

    def _check_line(self, line: bytes, last_s: float) -> float:
        if not line:
            return last_s
        time, *values = _cells(line)
        if len(values) != len(self._head.columns):
            message = f"expected {len(self._head.columns) + 1} cells, found {len(values) + 1}"
            raise LineError(message)
        for value in values:
            if value:
                parse_number(value)
        time_s = parse_number(time)
        if not last_s <= time_s < LATEST_S:
            message = f"expected times that never decrease, found {shorten(time)} after {last_s:g}"
            raise LineError(message)
        return time_s


def _cells(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode()]), [""])
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"expected comma-separated UTF-8 text, found {error}"
        raise LineError(message) from error


def _column(run_id: str, text: str) -> _Column:
    found = _VECTOR_NAME.fullmatch(text)
    assert found is not None
    module, _, name = found["path"].rpartition("/")
    attributes = {"unit": found["unit"]} if found["unit"] else {}
    return _Column(run=run_id, module=module, name=name, attributes=attributes)


def _decimals(times: pa.ChunkedArray) -> pa.Array:
    """Exact times: the decimal expansion of the float64, rounded to 10^-18 s."""
    with localcontext(prec=60):
        unit = Decimal(1).scaleb(-18)
        return pa.array(
            [Decimal(time).quantize(unit) for time in times.to_pylist()], pa.decimal128(38, 18)
        )
