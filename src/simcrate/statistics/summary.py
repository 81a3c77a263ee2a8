"""What the portal keeps of a simulation's statistics: small, frozen, JSON-able.

Numbers that are missing are null in JSON, which knows no NaN; infinite ones are the texts `"Infinity"` and
`"-Infinity"`.

The format is described in docs/reference/statistics.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simcrate.statistics.panels import Figure, Line, Series
from simcrate.statistics.pointcomparison import PointComparison
from simcrate.statistics.rows import Row

SCHEMA = 1
MOST_BYTES = 2_000_000
DIGITS = 6  # significant ones of a drawn number
POINTS = 120  # of each line, at most

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFigure:
    """A figure and its files below the output directory."""

    figure: Figure
    files: tuple[str, ...]
    """Relative paths with `/`; the data CSV last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """How much of what was recorded is no number."""

    scalars: int
    """Recorded scalars."""

    nan_scalars: int
    inf_scalars: int
    vectors: int
    """Declared vectors."""

    empty_vectors: int
    samples: int
    nan_samples: int
    inf_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFact:
    """One run in a line."""

    id: str
    config: str
    number: int | None
    repetition: int | None
    network: str
    itervars: Mapping[str, str]
    end_s: float
    """Simulated seconds at which it ended."""

    warmup_s: float
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that pages show of a simulation's results."""

    facts: Mapping[str, str]
    """What the caller knew of the simulation, for the head of the report."""

    catalogue: str
    """Title of the catalogue; empty without one."""

    precision_s: float
    runs: tuple[RunFact, ...]
    rows: tuple[Row, ...]
    figures: tuple[DrawnFigure, ...]
    comparisons: tuple[PointComparison, ...]
    """Of the first point of a study with each of the others."""

    missing: Missing
    warnings: tuple[str, ...]

    def to_json(self) -> Json:
        """A JSON value of at most 2 MB; what does not fit is cut at the end of each list, and counted in `cut`."""
        value: Json = {**_head(self), "cut": {}}
        room = MOST_BYTES - len(encoded(value)) - 200  # the names and counts below
        for name, items in (
            ("rows", [row_json(row) for row in self.rows]),
            ("runs", [_run_json(run) for run in self.runs]),
            ("comparisons", [_comparison_json(comparison) for comparison in self.comparisons]),
            ("figures", [_figure_json(drawn, POINTS) for drawn in self.figures]),
        ):
            kept, room = _that_fit(items, room)
            value[name], value["cut"][name] = kept, len(items) - len(kept)
        return value

    def to_full_json(self) -> Json:
        """The same with every row and run, without curves: what `statistics.json` holds."""
        return {
            **_head(self),
            "runs": [_run_json(run) for run in self.runs],
            "rows": [row_json(row) for row in self.rows],
            "comparisons": [_comparison_json(comparison) for comparison in self.comparisons],
            "figures": [_figure_json(drawn, 0) for drawn in self.figures],
        }


ROW_FIELDS = (
    *("statistic", "name", "display", "layer", "unit", "reducer", "source"),
    *("modules", "module_count", "config", "itervars", "runs", "n", "mean", "low", "high"),
    *("stddev", "min", "max", "values", "nan_count", "inf_count"),
    *("samples", "nan_samples", "inf_samples"),
)
"""Fields of a row, in the order of the table."""


def row_json(row: Row) -> Json:
    """A row of the table of statistics as JSON."""
    estimate = row.estimate
    return {
        "statistic": row.statistic,
        "name": row.name,
        "display": row.display,
        "layer": row.layer,
        "unit": row.unit,
        "reducer": row.reducer,
        "source": row.source,
        "modules": row.modules,
        "module_count": row.module_count,
        "config": row.point.config_name,
        "itervars": dict(row.point.itervars),
        "runs": row.runs,
        "n": estimate.n,
        "mean": plain(estimate.mean),
        "low": plain(estimate.low),
        "high": plain(estimate.high),
        "stddev": plain(estimate.stddev),
        "min": plain(row.minimum),
        "max": plain(row.maximum),
        "values": row.values,
        "nan_count": row.nan_count,
        "inf_count": row.inf_count,
        "samples": row.samples,
        "nan_samples": row.nan_samples,
        "inf_samples": row.inf_samples,
    }


def plain(value: float, digits: int | None = None) -> float | str | None:
    """A number as JSON can hold it: null for NaN, a text for an infinite one."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value if digits is None else float(f"{value:.{digits}g}")


def encoded(value: Json) -> bytes:
    """The JSON text, UTF-8, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _head(summary: Summary) -> Json:
    return {
        "schema": SCHEMA,
        "facts": dict(summary.facts),
        "catalogue": summary.catalogue,
        "precision_s": summary.precision_s,
        "missing": asdict(summary.missing),
        "warnings": list(summary.warnings),
    }


def _run_json(run: RunFact) -> Json:
    return {**asdict(run), "end_s": plain(run.end_s)}


def _comparison_json(found: PointComparison) -> Json:
    comparison = found.comparison
    return {
        "name": found.row.name,
        "display": found.row.display,
        "modules": found.row.modules,
        "first": found.row.point.label,
        "second": found.point.label,
        "method": comparison.method,
        "n_first": comparison.n_a,
        "n_second": comparison.n_b,
        "difference": plain(comparison.difference),
        "low": plain(comparison.low),
        "high": plain(comparison.high),
        "relative": plain(comparison.relative),
        "effect": plain(comparison.effect),
        "p_value": plain(comparison.p_value),
        "adjusted_p_value": plain(found.adjusted_p_value),
    }


def _figure_json(drawn: DrawnFigure, points: int) -> Json:
    return {
        "statistic": drawn.figure.statistic,
        "title": drawn.figure.title,
        "caption": drawn.figure.caption,
        "files": list(drawn.files),
        "series": _series(drawn.figure, points) if points else [],
    }


def _that_fit(items: Sequence[Json], room: int) -> tuple[list[Json], int]:
    """The first items that fit into so many bytes, and how many are left; two thirds at most for one kind."""
    kept = []
    limit = room * 2 // 3
    for item in items:
        size = len(encoded(item)) + 1
        if size > limit:
            break
        limit -= size
        room -= size
        kept.append(item)
    return kept, room


def _series(figure: Figure, points: int) -> list[Json]:
    """The curves over time of a figure."""
    return [
        {
            "title": panel.title,
            "x": panel.x_label,
            "y": panel.y_label,
            "lines": [_line(line, points) for line in panel.lines],
        }
        for panel in figure.panels
        if isinstance(panel, Series)
    ]


def _line(line: Line, points: int) -> Json:
    """A curve at so many points: neighbours are joined, keeping their extremes."""
    step = -(-line.x.size // points)
    joined: Json = {"label": line.label}
    for name in ("x", "y", "low", "high", "minimum", "maximum"):
        column = getattr(line, name).tolist()
        chunks = [column[i : i + step] for i in range(0, len(column), step)]
        joined[name] = [plain(_join(name, chunk), DIGITS) for chunk in chunks]
    return joined


def _join(name: str, values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan
    if name in ("low", "minimum"):
        return min(known)
    if name in ("high", "maximum"):
        return max(known)
    return sum(known) / len(known)
