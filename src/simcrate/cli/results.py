"""`simcrate results`: list, export and summarise result files of simulations."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from rich.console import Console

from simcrate.cli.resulttables import items_table, run_facts, runs_table
from simcrate.durable import replacing
from simcrate.errors import BadInputError
from simcrate.results import Kind, ResultSet, open_results
from simcrate.results.export import plain, write_csv, write_json, write_parquet

_FILE_COLUMNS = 140

_paths = click.argument(
    "paths",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, readable=True, path_type=Path),
)
_filter = click.option(
    "--filter",
    "-f",
    "expression",
    default="",
    metavar="EXPRESSION",
    help='Match expression, as \'module=~"**.sink" AND name=~"*:vector"\'.',
)
_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def results() -> None:
    """List, export and summarise result files of simulations.

    DIR... are directories, searched with all below them, or files: .sca, .vec (with its .vci), both also
    as SQLite databases, and CSV time series.
    """


@results.command("list")
@_paths
@_filter
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="List the items of this kind, not the runs.",
)
@_json
def list_(*, paths: tuple[Path, ...], expression: str, kind: str | None, as_json: bool) -> None:
    """List runs and what each recorded."""
    opened = open_results(paths).where(expression)
    if as_json:
        with _busy("Reading"):
            document = {"runs": run_facts(opened), **_remarks(opened)}
        if kind:
            document["items"] = opened.table(Kind(kind)).to_pylist()
        _print_json(document)
        return
    with _busy("Reading"):
        table = items_table(opened, Kind(kind)) if kind else runs_table(opened)
    _console().print(table)
    _print_remarks(opened)


@results.command()
@_paths
@_filter
@click.option(
    "--format",
    "-F",
    "file_format",
    type=click.Choice(["csv", "parquet", "json"]),
    default="csv",
    show_default=True,
    help="csv is CSV-R, as opp_scavetool writes it.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The file, or for parquet the directory; csv and json go to standard output without.",
)
@_json
def export(
    *,
    paths: tuple[Path, ...],
    expression: str,
    file_format: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write results as CSV-R, Parquet or JSON."""
    if output is None and (file_format == "parquet" or as_json):
        message = "could not export: name a directory or file with --output"
        raise BadInputError(message)
    opened = open_results(paths).where(expression)
    with _busy("Exporting"):
        files = _export(opened, file_format, output)
    if as_json:
        sizes = [{"file": str(file), "size_bytes": file.stat().st_size} for file in files]
        _print_json({"files": sizes, **_remarks(opened)})
        return
    _print_remarks(opened)


@results.command()
@_paths
@_filter
@click.option(
    "--catalogue",
    "-c",
    metavar="FILE",
    help="Which statistics under which names: a TOML file, `ops` or `oppsim`; `none` for all that was "
    "recorded.  Without, one that fits the network is taken.",
)
@_json
def stats(
    *, paths: tuple[Path, ...], expression: str, catalogue: str | None, as_json: bool
) -> None:
    """Summarise results over modules and replications."""
    from simcrate.cli import resultstatistics  # brings matplotlib: half a second

    opened = open_results(paths).where(expression)
    with _busy("Summarising"):
        summary = resultstatistics.summarise_results(opened, catalogue)
    if as_json:
        _print_json({**resultstatistics.as_json(summary), **_remarks(opened, *summary.warnings)})
        return
    console = _console()
    for part in resultstatistics.as_tables(summary):
        console.print(part)
    _print_remarks(opened, *summary.warnings)


def _export(opened: ResultSet, file_format: str, output: Path | None) -> list[Path]:
    if file_format == "parquet":
        assert output is not None
        return write_parquet(opened, output)
    write = write_csv if file_format == "csv" else write_json
    if output is None:
        write(opened, sys.stdout.buffer)
        return []
    with replacing(output) as stream:
        write(opened, stream)
    return [output]


def _remarks(opened: ResultSet, *more: str) -> dict[str, object]:
    return {
        "incomplete": [
            {"file": str(reason.file), "run": reason.run, "why": reason.why}
            for reason in opened.incomplete
        ],
        "warnings": [*opened.warnings, *more],
    }


def _print_remarks(opened: ResultSet, *more: str) -> None:
    """What a person must know before believing the numbers, on standard error."""
    for reason in opened.incomplete:
        click.echo(f"incomplete: {reason.file}: {reason.why}", err=True)
    for warning in (*opened.warnings, *more):
        click.echo(f"warning: {warning}", err=True)


def _console() -> Console:
    """Standard output; wide enough for a table where it is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else _FILE_COLUMNS)


def _print_json(document: object) -> None:
    click.echo(json.dumps(plain(document), ensure_ascii=False, allow_nan=False, indent=2))


@contextmanager
def _busy(label: str) -> Iterator[None]:
    """Show on a terminal that something goes on."""
    console = Console(stderr=True)
    with console.status(label) if console.is_terminal else nullcontext():
        yield
