"""The table of statistics on a simulation's page, from the summary that packing stored.

The summary is JSON (docs/reference/statistics.md): null is a missing number, `"Infinity"` an infinite one.
Both are shown as what they are; nothing is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_ROWS = 200
DIGITS = 4
MISSING = "–"
_SPELLED = {"Infinity": "∞", "-Infinity": "−∞", None: MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One statistic at one point of the study, spelled for people."""

    name: str
    unit: str
    modules: str
    """Which modules recorded it."""
    point: str
    """Iteration variables, as in `numHosts=20`; empty where the study has none."""
    n: int
    """Replications behind the mean."""
    mean: str
    interval: str
    """95 % confidence interval; a dash where there is none."""
    minimum: str
    maximum: str
    remark: str
    """How many values, and samples behind them, were no numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsTable:
    """What the page shows of the statistics."""

    rows: tuple[TableRow, ...]
    left_out: int
    """Rows that are only in the crate."""
    warnings: tuple[str, ...]

    @property
    def has_remarks(self) -> bool:
        """Whether any row has one."""
        return any(row.remark for row in self.rows)


def statistics_table(summary: Mapping[str, Any]) -> StatisticsTable | None:
    """The table of a summary; None where it has no rows."""
    rows = summary.get("rows") or []
    if not rows:
        return None
    cut = summary.get("cut", {}).get("rows", 0)
    return StatisticsTable(
        rows=tuple(_row(row) for row in rows[:MAX_ROWS]),
        left_out=cut + max(0, len(rows) - MAX_ROWS),
        warnings=tuple(summary.get("warnings", ())),
    )


def _row(row: Mapping[str, Any]) -> TableRow:
    has_interval = row["low"] is not None and row["high"] is not None
    return TableRow(
        name=row["display"] or row["name"],
        unit=row["unit"],
        modules=row["modules"],
        point=", ".join(f"{name}={value}" for name, value in row["itervars"].items()),
        n=row["n"],
        mean=spelled(row["mean"]),
        interval=f"{spelled(row['low'])} … {spelled(row['high'])}" if has_interval else MISSING,
        minimum=spelled(row["min"]),
        maximum=spelled(row["max"]),
        remark=_remark(row),
    )


def spelled(value: float | str | None) -> str:
    """A number for people, with four significant digits."""
    if value is None or isinstance(value, str):
        return _SPELLED.get(value, MISSING)
    text = f"{value:.{DIGITS}g}"
    return f"{value:,.0f}" if "e" in text and abs(value) < 10**9 and abs(value) >= 1 else text


def _remark(row: Mapping[str, Any]) -> str:
    counts = {
        "NaN": row.get("nan_count", 0),
        "infinite": row.get("inf_count", 0),
        "samples NaN": row.get("nan_samples", 0),
        "samples infinite": row.get("inf_samples", 0),
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
