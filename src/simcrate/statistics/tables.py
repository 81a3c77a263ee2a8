"""The tables of a crate: `csv/` for spreadsheets, `parquet/` for programs.

Formats are described in docs/reference/statistics.md.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simcrate.results import ResultSet, Run
from simcrate.statistics.panels import Figure
from simcrate.statistics.rows import Row
from simcrate.statistics.summary import ROW_FIELDS, row_json

CELLS_AT_ONCE = 1 << 20  # of a wide table: 8 MB
Column = NDArray[np.float64] | NDArray[np.uint32]
FIGURE_COLUMNS = ("kind", "panel", "line", "x", "y", "low", "high", "minimum", "maximum")


def scalars_with_runs(results: ResultSet) -> pa.Table:
    """All scalars, each with the configuration, repetition and iteration variables of its run."""
    scalars = results.scalars()
    runs = {run.id: run for run in results.runs}
    encoded = pc.dictionary_encode(scalars["run"].combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    ids: list[str] = encoded.dictionary.to_pylist()
    columns: dict[str, pa.Array] = {"run": scalars["run"]}
    for name, texts in _run_columns([runs[i] for i in ids]).items():
        columns[name] = pa.array(texts, pa.string()).take(encoded.indices)
    for name in ("module", "name", "value", "unit", "title"):
        columns[name] = scalars[name]
    return pa.table(columns)


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table; missing texts are empty, NaN is `nan`."""
    pacsv.write_csv(table, path)


def write_parquet(results: ResultSet, vectors: pa.Table, parquet_dir: Path) -> None:
    """One Parquet file for each kind of result item, vectors without their samples."""
    parquet_dir.mkdir(parents=True, exist_ok=True)
    kinds = {
        "scalars": scalars_with_runs(results),
        "statistics": results.statistics(),
        "histograms": results.histograms(),
        "parameters": results.parameters(),
        "vectors": vectors,
    }
    for name, table in kinds.items():
        if table.num_rows:
            pq.write_table(table, parquet_dir / f"{name}.parquet", compression="zstd")


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """The table of statistics as CSV; what is missing is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ROW_FIELDS)
        for row in rows:
            values = row_json(row)
            values["itervars"] = ", ".join(f"{name}={value}" for name, value in row.point.itervars)
            writer.writerow("" if values[field] is None else values[field] for field in ROW_FIELDS)


def write_figure_data(figure: Figure, path: Path) -> None:
    """Every number that a figure draws; what is not there is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIGURE_COLUMNS)
        for *texts, x, y, low, high, minimum, maximum in figure.rows():
            numbers = (x, y, low, high, minimum, maximum)
            writer.writerow([*texts, *("" if n != n else f"{n:.12g}" for n in numbers)])


class WideTable:
    """A CSV of one row per step and some columns per vector, written in pieces."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._schema = pa.schema([pa.field(name, pa.float64()) for name in columns])
        self._path = path

    def write(self, columns: Sequence[Column], rows: int) -> None:
        """Write all columns; those that are shorter than the table end in empty cells."""
        step = max(1, CELLS_AT_ONCE // len(columns))
        with pacsv.CSVWriter(self._path, self._schema) as writer:
            for start in range(0, rows, step):
                stop = min(start + step, rows)
                arrays = [_piece(column, start, stop) for column in columns]
                writer.write_table(pa.table(arrays, schema=self._schema))


def _piece(column: Column, start: int, stop: int) -> pa.Array:
    piece = pa.array(column[start:stop].astype(np.float64, copy=False))
    absent = (stop - start) - len(piece)
    return pa.concat_arrays([piece, pa.nulls(absent, pa.float64())]) if absent else piece


def _run_columns(runs: Sequence[Run]) -> Mapping[str, list[str | None]]:
    columns: dict[str, list[str | None]] = {
        "config": [run.config_name for run in runs],
        "repetition": [None if run.repetition is None else str(run.repetition) for run in runs],
    }
    for name in dict.fromkeys(name for run in runs for name in run.itervars):
        columns[f"itervar:{name}"] = [run.itervars.get(name) for run in runs]
    return columns
