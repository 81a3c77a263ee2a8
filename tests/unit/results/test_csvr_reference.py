"""Every real set, exported, against what OMNeT++'s own result tool exports.

Numbers are compared as numbers, everything else as text.  Wanted differences, also in
`docs/reference/results.md`:

- The tool rounds numbers (not times) to 14 digits; we give all that the file has.
- `mean` and `stddev` of statistics: the tool computes them from the recorded, rounded sums; we give the
  recorded ones.
- Of a run with two SQLite files the tool gives every ini entry twice; we give it once.
"""

from __future__ import annotations

import csv
import io
import lzma
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simcrate.results import open_results
from simcrate.results.export import write_csv
from tests.unit.results.conftest import DATA

EXPECTED = sorted((DATA / "expected").glob("*.csv.xz"))
NUMBERS = {
    "value", "count", "sumweights", "min", "max", "underflows", "overflows",
    "binedges", "binvalues", "vectime", "vecvalue",
}  # fmt: skip
EXACT = {"vectime"}
RECOMPUTED = {"mean": 1e-12, "stddev": 1e-10}

csv.field_size_limit(1 << 30)


@pytest.mark.parametrize("expected_path", EXPECTED, ids=lambda path: path.name.split(".")[0])
def test_export_equals_the_result_tools_value_by_value(expected_path: Path) -> None:
    with lzma.open(expected_path, "rt", encoding="utf-8", newline="") as stream:
        expected = list(csv.DictReader(stream))
    name = expected_path.name.split(".")[0]
    if name == "small-sqlite":
        expected = _each_ini_entry_once(expected)
    ours = _export(DATA / name)

    assert set(ours[0]) == set(expected[0])
    assert _without_moments(ours) == _without_moments(expected)
    for column, tolerance in RECOMPUTED.items():
        pairs = zip(_moments(ours, column), _moments(expected, column), strict=True)
        assert all(_close(a, b, tolerance) for a, b in pairs)


def test_every_expected_set_is_there() -> None:
    assert len(EXPECTED) == 12


def _export(directory: Path) -> list[dict[str, str]]:
    stream = io.BytesIO()
    write_csv(open_results([directory]), stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))


def _without_moments(rows: list[dict[str, str]]) -> Counter[tuple[tuple[str, object], ...]]:
    return Counter(
        tuple(sorted((name, _cell(row, name)) for name in row if name not in RECOMPUTED))
        for row in rows
    )


def _cell(row: dict[str, str], name: str) -> object:
    if name in NUMBERS and row["type"] != "param":
        return tuple(
            _number(part, digits=17 if name in EXACT else 14) for part in row[name].split()
        )
    return row[name]


def _number(text: str, *, digits: int) -> object:
    number = float(text)
    return "NaN" if math.isnan(number) else float(f"{number:.{digits}g}")


def _each_ini_entry_once(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    entries = [row for row in rows if row["type"] == "config"]
    return [row for row in rows if row["type"] != "config"] + entries[: len(entries) // 2]


def _moments(rows: list[dict[str, str]], name: str) -> Iterator[float]:
    key = ("run", "type", "module", "name")
    for row in sorted(rows, key=lambda row: [row[part] for part in key]):
        if row.get(name):
            yield float(row[name])


def _close(ours: float, expected: float, tolerance: float) -> bool:
    if math.isnan(ours) or math.isnan(expected):
        return math.isnan(ours) and math.isnan(expected)
    return math.isclose(ours, expected, rel_tol=tolerance)
