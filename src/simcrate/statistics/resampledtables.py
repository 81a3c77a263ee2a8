"""One CSV per statistic with its vectors at the user's precision.

A row per step of simulated time, a column per vector (two where steps have count and mean).  `columns.csv` tells which
run and module each column is of.  An empty cell is after the end of that run; `nan` is a step without a value.

Source: definition 13 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet, Run
from simcrate.statistics.naming import FileNames, split_name
from simcrate.statistics.resampling import (
    MOST_ROWS,
    HeldValues,
    Interpolated,
    StepMeans,
    Table,
    row_counts,
    row_times_s,
)
from simcrate.statistics.samples import Consumer, Floats
from simcrate.statistics.tables import Column, WideTable
from simcrate.statistics.timeaverage import Mode
from simcrate.statistics.vectornumbers import modes_of

MOST_CELLS = 100_000_000  # values of all tables together: about 1 GB of CSV
COLUMNS = ("file", "column", "content", "statistic", "run", "module", "unit", "interpolation")


class ResampledTables:
    """All resampled tables of a set of results: filled by one pass over the samples, then written."""

    def __init__(
        self,
        results: ResultSet,
        vectors: pa.Table,
        ends_s: Floats,
        precision_s: float,
        spill_dir: Path,
    ) -> None:
        """Make room; nothing is resampled when there would be too many rows or values.

        Args:
            results: for what runs are called.
            vectors: the table of vectors.
            ends_s: (v,) simulated seconds at which the run of each vector ended.
            precision_s: simulated seconds from row to row.
            spill_dir: where a temporary file may lie.
        """
        self._vectors, self._precision_s = vectors, precision_s
        self._labels = _run_labels(results.runs)
        self._modes = modes_of(vectors)
        filled = np.array([bool(count) for count in vectors["count"].to_pylist()], dtype=bool)
        rows = np.where(filled, row_counts(ends_s, precision_s), 0.0)
        self._factor = max(rows.sum() / MOST_CELLS, rows.max(initial=0) / MOST_ROWS)
        self._fits = self._factor <= 1
        self._table = Table((rows if self._fits else 0 * rows).astype(np.intp), spill_dir)
        wanted = filled & self._fits
        held = np.array([mode is Mode.HOLD for mode in self._modes], dtype=bool)
        linear = np.array([mode is Mode.LINEAR for mode in self._modes], dtype=bool)
        self._means = StepMeans(self._table, wanted & ~held & ~linear, precision_s)
        self._held = HeldValues(self._table, wanted & held, precision_s)
        self._interpolated = Interpolated(self._table, wanted & linear, precision_s)

    @property
    def consumers(self) -> list[Consumer]:
        """What has to see every sample."""
        return [self._means, self._held, self._interpolated] if self._fits else []

    def write(self, csv_dir: Path) -> list[str]:
        """Write the tables and `columns.csv`; the texts that come back are warnings."""
        if not self._fits:
            return [
                f"There are no resampled tables: a row every {self._precision_s:g} s makes more than "
                f"{MOST_ROWS:,} rows of a vector or {MOST_CELLS:,} values of all together. "
                f"A precision of {self._precision_s * self._factor:.2g} s or more fits."
            ]
        names = FileNames()
        for taken in ("statistics", "scalars", "columns"):
            names.name(taken)
        with (csv_dir / "columns.csv").open("w", encoding="utf-8", newline="") as file:
            index = csv.writer(file, lineterminator="\n")
            index.writerow(COLUMNS)
            for statistic, members in self._by_statistic().items():
                path = csv_dir / f"{names.name(statistic)}.csv"
                columns = self._write_one(path, members)
                index.writerows([path.name, *column] for column in columns)
        return []

    def _by_statistic(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(self._vectors["name"].to_pylist()):
            if self._table.rows[position]:
                groups[split_name(name)[0]].append(position)
        return groups

    def _write_one(self, path: Path, members: Sequence[int]) -> list[tuple[str, ...]]:
        texts = [
            self._vectors[name].take(members).to_pylist()
            for name in ("name", "run", "module", "unit", "interpolation")
        ]
        described: list[tuple[str, ...]] = []
        arrays: list[Column] = []
        taken: set[str] = {"time_s"}
        for position, name, run, module, unit, mode in zip(members, *texts, strict=True):
            for content, array in self._contents(position):
                label = f"{self._labels[run]}{module}"
                column = _unique(f"{label} {content}" if content != "value" else label, taken)
                described.append((column, content, name, run, module, unit or "", mode or ""))
                arrays.append(array)
        rows = int(self._table.rows[list(members)].max())
        table = WideTable(path, ["time_s", *(column[0] for column in described)])
        table.write([row_times_s(rows, self._precision_s), *arrays], rows)
        return described

    def _contents(self, position: int) -> Iterator[tuple[str, Column]]:
        match self._modes[position]:
            case Mode.HOLD:
                yield "value", self._held.finish(position)
            case Mode.LINEAR:
                yield "value", self._interpolated.finish(position)
            case _:
                means, counts = self._means.finish(position)
                yield "mean", means
                yield "count", counts


def _run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """What precedes the module in a column's name: nothing for the only run, else `#3 `."""
    if len(runs) < 2:
        return {run.id: "" for run in runs}
    configs = {run.config_name for run in runs}
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for run in runs:
        number = "" if run.number is None else f"#{run.number}"
        config = f"{run.config_name} " if len(configs) > 1 else ""
        labels[run.id] = _unique(f"{config}{number}" or run.id, taken) + " "
    return labels


def _unique(text: str, taken: set[str]) -> str:
    candidate, number = text, 1
    while candidate in taken:
        number += 1
        candidate = f"{text} ({number})"
    taken.add(candidate)
    return candidate
