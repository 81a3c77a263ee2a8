"""Runs and result items as tables for the terminal."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from rich import box
from rich.markup import escape
from rich.table import Table

from simcrate.results import Kind, ResultSet, Run

_MOST_ROWS = 1000  # more scroll away anyway
_LEFT_OUT = {
    "edges",
    "title",
    "interpolation",
    "type",
    "enum",
    "has_events",
    "nan_count",
    "sum_weights",
    "sum",
    "sqrsum",
    "weighted",
    "first_time_s",
    "last_time_s",
}
_SHORT = {"statistics": "Stats", "histograms": "Hist.", "parameters": "Par."}


def run_facts(results: ResultSet) -> list[dict[str, object]]:
    """One record for each run: what it is, and how many items of each kind it has."""
    counts = {kind: _counts(results, kind) for kind in Kind}
    samples = _samples(results)
    return [
        {
            "run": run.id,
            "config": run.config_name,
            "number": run.number,
            "repetition": run.repetition,
            "itervars": dict(run.itervars),
            **{str(kind): counts[kind][run.id] for kind in Kind},
            "samples": samples[run.id],
        }
        for run in results.runs
    ]


def runs_table(results: ResultSet) -> Table:
    """All runs, one row each."""
    facts = run_facts(results)
    counted = [name for name in (*Kind, "samples") if any(fact[name] for fact in facts)]
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("Run", overflow="fold")
    table.add_column("Iteration variables", overflow="fold")
    for name in ("Rep.", *(_SHORT.get(name, name.capitalize()) for name in counted)):
        table.add_column(name, justify="right", no_wrap=True)
    for run, fact in zip(results.runs, facts, strict=True):
        itervars = ", ".join(f"{name}={value}" for name, value in run.itervars.items())
        repetition = "" if run.repetition is None else str(run.repetition)
        numbers = [f"{fact[name]:,}" for name in counted]
        table.add_row(printable(_title(run)), printable(itervars), repetition, *numbers)
    return table


def items_table(results: ResultSet, kind: Kind) -> Table:
    """The items of one kind, one row each, without the columns that hardly anybody looks at."""
    titles = {run.id: _title(run) for run in results.runs}
    found = results.table(kind)
    known = [name for name in found.column_names if found.column(name).null_count < len(found)]
    names = [name for name in known if name not in _LEFT_OUT]
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    for name in names:
        is_number = pa.types.is_primitive(found.schema.field(name).type)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in found.select(names).slice(0, _MOST_ROWS).to_pylist():
        row["run"] = titles[row["run"]]
        table.add_row(*(_cell(row[name]) for name in names))
    if len(found) > _MOST_ROWS:
        table.caption = f"the first {_MOST_ROWS:,} of {len(found):,}; --json shows all"
    return table


def printable(text: str) -> str:
    """Text of a file, safe to show: no markup, no control characters."""
    return escape("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text))


def _title(run: Run) -> str:
    return f"{run.config_name} #{run.number}" if run.config_name else run.id


def _counts(results: ResultSet, kind: Kind) -> Counter[str]:
    return Counter(results.table(kind).column("run").to_pylist())


def _samples(results: ResultSet) -> Counter[str]:
    samples: Counter[str] = Counter()
    vectors = results.vectors().select(["run", "count"])
    for row in vectors.to_pylist():
        samples[row["run"]] += row["count"]
    return samples


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"{len(value)} numbers"
    return printable(str(value))
