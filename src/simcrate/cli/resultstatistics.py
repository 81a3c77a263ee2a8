"""What `simcrate results stats` prints: statistics over modules and replications, for people and programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from simcrate.cli.resulttables import printable, run_facts
from simcrate.results import ResultSet
from simcrate.statistics import (
    Catalogue,
    Row,
    find_catalogue,
    mixed_points,
    points_of,
    read_catalogue,
    shipped_catalogue,
    summarise,
)
from simcrate.statistics.summary import row_json

_DIGITS = 5
_MISSING = "—"
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSummary:
    """Statistics of a result set."""

    results: ResultSet
    catalogue: Catalogue | None
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    """What makes these numbers worth less than they look, one sentence each."""


def summarise_results(results: ResultSet, catalogue: str | None) -> ResultSummary:
    """Compute the statistics.

    Args:
        results: what was recorded.
        catalogue: a file, the name of a shipped one, `none`, or None for one that fits the network.

    Raises:
        BadInputError: there is no such catalogue, or it is not one.
    """
    chosen = _choose(catalogue, results)
    return ResultSummary(
        results=results,
        catalogue=chosen,
        rows=tuple(summarise(results, chosen)),
        warnings=tuple(mixed_points(results.runs)),
    )


def as_json(summary: ResultSummary) -> dict[str, object]:
    """The statistics for programs."""
    return {
        "catalogue": summary.catalogue.title if summary.catalogue else "",
        "runs": run_facts(summary.results),
        "statistics": [row_json(row) for row in summary.rows],
        "missing": _missing(summary),
    }


def as_tables(summary: ResultSummary) -> Iterator[RenderableType]:
    """The statistics for people: a table for each group of modules, and what is missing."""
    yield _heading(summary)
    has_points = len(points_of(summary.results.runs)) > 1
    by_modules = {row.modules: None for row in summary.rows}
    for modules in by_modules:
        rows = [row for row in summary.rows if row.modules == modules]
        yield _table(modules, rows, has_points=has_points)
    yield _missing_line(summary)


def _choose(catalogue: str | None, results: ResultSet) -> Catalogue | None:
    if catalogue == "none":
        return None
    if catalogue is None:
        return find_catalogue(results)
    path = Path(catalogue)
    return read_catalogue(path) if path.suffix else shipped_catalogue(catalogue)


def _heading(summary: ResultSummary) -> Text:
    runs = summary.results.runs
    configs = ", ".join(dict.fromkeys(run.config_name or run.id for run in runs))
    counted = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    title = f"{summary.catalogue.title} · " if summary.catalogue else ""
    return Text(f"{title}{configs} · {counted}", style="bold")


def _table(modules: str, rows: list[Row], *, has_points: bool) -> Table:
    nodes = rows[0].module_count
    title = f"{printable(modules)} ({nodes} modules)" if nodes > 1 else printable(modules)
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold cyan",
        header_style="bold",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("Statistic")
    if has_points:
        table.add_column("At")
    for name in ("Mean", "± 95 %", "n", "Least", "Most"):
        table.add_column(name, justify="right")
    table.add_column("Unit")
    table.add_column("Missing", justify="right")
    for layer, section in groupby(rows, lambda row: row.layer):
        if layer:
            table.add_row(f"[bold]{printable(layer)}[/bold]")
        for row in section:
            table.add_row(*_cells(row, has_points=has_points), style=_style(row))
        table.add_section()
    return table


def _cells(row: Row, *, has_points: bool) -> list[str]:
    estimate = row.estimate
    return [
        printable(row.display),
        *([printable(row.point.label)] if has_points else []),
        _number(estimate.mean),
        _number(estimate.half_width),
        str(estimate.n),
        _number(row.minimum),
        _number(row.maximum),
        printable(row.unit),
        row.missing,
    ]


def _style(row: Row) -> str:
    return "dim" if not row.estimate.n else ""


def _number(number: float) -> str:
    """A number with five significant digits, grouped; in powers of ten only where it is extreme."""
    if math.isnan(number):
        return _MISSING
    if number and not _PLAIN_FROM <= abs(number) < _PLAIN_TO:
        return f"{number:.{_DIGITS}g}"
    whole_digits = len(str(int(abs(number))))
    text = f"{number:,.{max(0, _DIGITS - whole_digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _missing(summary: ResultSummary) -> dict[str, int]:
    """Of all scalars and vectors, and of the samples of those vectors that have a row."""
    scalars = summary.results.scalars().column("value").to_numpy()
    vectors = summary.results.vectors()
    return {
        "scalars": len(scalars),
        "nan_scalars": int(np.isnan(scalars).sum()),
        "inf_scalars": int(np.isinf(scalars).sum()),
        "vectors": len(vectors),
        "empty_vectors": vectors.column("count").to_pylist().count(0),
        "samples": sum(row.samples for row in summary.rows),
        "nan_samples": sum(row.nan_samples for row in summary.rows),
        "inf_samples": sum(row.inf_samples for row in summary.rows),
    }


def _missing_line(summary: ResultSummary) -> str:
    found = _missing(summary)
    numbers = [
        f"{found[f'nan_{kind}']:,} of {found[kind]:,} {kind} are NaN, {found[f'inf_{kind}']:,} infinite"
        for kind in ("scalars", "samples")
        if found[kind]
    ]
    empty = f"{found['empty_vectors']:,} of {found['vectors']:,} vectors have no samples"
    return f"Missing: {'; '.join([*numbers, empty])}."
