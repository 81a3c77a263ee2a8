"""Write results as CSV-R, the CSV format of OMNeT++'s result tool that R and pandas scripts read.

One row per run attribute, iteration variable, ini entry, item and item attribute; a vector's samples are
two cells of numbers separated by blanks.  Those cells are streamed, so that a vector may be larger than
memory, and its numbers are copied as they stand in the file.

Source: opp_scavetool 6.1, `export -F CSV-R`, and the files it writes.
"""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from simcrate.results.datalines import TEXT
from simcrate.results.resultset import ResultSet
from simcrate.results.runs import Run
from simcrate.results.tables import Attributes, Kind

_LABELS = ("run", "type", "module", "name", "attrname", "attrvalue")
_VALUE = ("value",)
_SUMMARY = ("count", "sumweights", "mean", "stddev", "min", "max")
_BINS = ("underflows", "overflows", "binedges", "binvalues")
_SAMPLES = ("vectime", "vecvalue")

_TYPES = {
    Kind.SCALARS: "scalar",
    Kind.PARAMETERS: "param",
    Kind.STATISTICS: "statistic",
    Kind.HISTOGRAMS: "histogram",
}
_COLUMNS = {
    Kind.SCALARS: _VALUE,
    Kind.PARAMETERS: _VALUE,
    Kind.STATISTICS: _SUMMARY,
    Kind.HISTOGRAMS: (*_SUMMARY, *_BINS),
    Kind.VECTORS: _SAMPLES,
}
_NOT_FINITE = {"nan": "NaN", "-nan": "NaN", "inf": "Inf", "+inf": "Inf", "-inf": "-Inf"}
_HELD_BYTES = 32 << 20  # values of one vector wait for its times in memory, then on disk
_COPIED_BYTES = 1 << 20


def write_csv(results: ResultSet, stream: BinaryIO, *, filter: str = "") -> None:  # noqa: A002
    """Write runs and items as CSV-R.

    Args:
        results: what to write.
        stream: where to, UTF-8.
        filter: a match expression that takes items; runs are written in any case.
    """
    present = [kind for kind in Kind if results.table(kind, filter).num_rows]
    wanted = {column for kind in present for column in _COLUMNS[kind]}
    numbers = [name for name in (*_VALUE, *_SUMMARY, *_BINS, *_SAMPLES) if name in wanted]
    writer = _Writer(stream, [*_LABELS, *numbers])
    for run in results.runs:
        _write_run(writer, run)
    for kind, type_name in _TYPES.items():
        for row, attributes in results.rows(kind, filter):
            writer.write_item(type_name, row, attributes, _cells(kind, row))
    for row, attributes in results.rows(Kind.VECTORS, filter):
        _write_vector(results, writer, row, attributes)


def number_text(number: float | None) -> str:
    """A number as the result tool writes it; empty for nothing."""
    if number is None:
        return ""
    if math.isfinite(number):
        return repr(number).removesuffix(".0")
    return _NOT_FINITE[repr(number)]


class _Writer:
    """Writes rows whose columns are given by name."""

    def __init__(self, stream: BinaryIO, columns: Sequence[str]) -> None:
        self._stream = stream
        self._columns = columns
        self._write(columns)

    def write(self, cells: Mapping[str, str]) -> None:
        self._write([cells.get(name, "") for name in self._columns])

    def write_item(
        self,
        type_name: str,
        row: Mapping[str, object],
        attributes: Attributes,
        cells: Mapping[str, str],
    ) -> None:
        labels = _labels(type_name, row)
        self.write({**labels, **cells})
        self.write_attributes(labels, attributes)

    def write_attributes(self, labels: Mapping[str, str], attributes: Attributes) -> None:
        for name, value in attributes.items():
            self.write({**labels, "type": "attr", "attrname": name, "attrvalue": value})

    def write_stream(self, labels: Mapping[str, str], parts: Sequence[Iterator[bytes]]) -> None:
        """A row whose last cells are streamed."""
        line = _line([labels.get(name, "") for name in self._columns[: -len(parts)]])
        self._stream.write(line.removesuffix(b"\n"))
        for part in parts:
            self._stream.write(b",")
            self._stream.writelines(part)
        self._stream.write(b"\n")

    def _write(self, cells: Sequence[str]) -> None:
        self._stream.write(_line(cells))


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _labels(type_name: str, row: Mapping[str, object]) -> dict[str, str]:
    return {"type": type_name, **{name: str(row[name]) for name in ("run", "module", "name")}}


def _write_run(writer: _Writer, run: Run) -> None:
    groups = {
        "runattr": run.attributes.items(),
        "itervar": run.itervars.items(),
        "config": run.config,
    }
    for type_name, pairs in groups.items():
        for name, value in pairs:
            writer.write({"run": run.id, "type": type_name, "attrname": name, "attrvalue": value})


def _cells(kind: Kind, row: Mapping[str, object]) -> dict[str, str]:
    if kind is Kind.PARAMETERS:
        return {"value": str(row["value"])}
    names = {"sumweights": "sum_weights", "underflows": "underflow", "overflows": "overflow"}
    lists = {"binedges": "edges", "binvalues": "values"}
    cells = {}
    for column in _COLUMNS[kind]:
        if column in lists:
            numbers = row[lists[column]]
            assert isinstance(numbers, list)
            cells[column] = " ".join(map(number_text, numbers))
        else:
            number = row[names.get(column, column)]
            assert number is None or isinstance(number, int | float)
            cells[column] = number_text(number)
    return cells


def _write_vector(
    results: ResultSet, writer: _Writer, row: Mapping[str, object], attributes: Attributes
) -> None:
    labels = _labels("vector", row)
    vector = row["vector"]
    assert isinstance(vector, int)
    with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as held:
        times = _split(results.vector_tables(vector, TEXT), held)
        writer.write_stream(labels, [times, _reread(held)])
    writer.write_attributes(labels, attributes)


def _split(
    tables: Iterator[pa.Table], held: tempfile.SpooledTemporaryFile[bytes]
) -> Iterator[bytes]:
    """The cell of times, while the cell of values is put aside."""
    between = b""
    for table in tables:
        if table.num_rows:
            held.write(between + _join(_spelled(table.column("value"))))
            yield between + _join(table.column("time"))
            between = b" "


def _reread(held: tempfile.SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    held.seek(0)
    while data := held.read(_COPIED_BYTES):
        yield data


def _spelled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values that are not finite, spelled as the result tool does."""
    spellings = pa.array(list(_NOT_FINITE))
    places = pc.index_in(pc.utf8_lower(values), spellings)
    if places.null_count == len(places):
        return values
    return pc.coalesce(pc.take(pa.array(list(_NOT_FINITE.values())), places), values)


def _join(texts: pa.ChunkedArray) -> bytes:
    lists = [
        pa.ListArray.from_arrays([0, len(chunk)], chunk) for chunk in texts.chunks if len(chunk)
    ]
    return b" ".join(pc.binary_join(part, " ")[0].as_buffer().to_pybytes() for part in lists)
