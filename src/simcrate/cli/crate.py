"""`simcrate pack`, `simcrate verify` and `simcrate inspect`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.tree import Tree

from simcrate.crate import (
    CrateContents,
    Fault,
    Inspection,
    PackedCrate,
    Provenance,
    find_credentials,
    gather,
    inspect_crate,
    pack_crate,
    verify_crate,
    write_bag,
)
from simcrate.errors import BadInputError

BAR_AFTER_S = 1.0
LARGEST_INI_BYTES = 1 << 20  # larger ones are no ini files that anybody wrote
HEADLINES = 20  # rows of a table
TREE_LINES = 200  # more are summed up


def _writable(_context: click.Context, _parameter: click.Parameter, target: Path) -> Path:
    """Said before the work, and with the whole path."""
    try:
        TemporaryFile(dir=target.absolute().parent).close()
    except OSError as error:
        message = f"could not write {str(target)!r}: {error.strerror}; name a file in a directory that can be written"
        raise BadInputError(message) from error
    return target


def _there(_context: click.Context, _parameter: click.Parameter, crate: str) -> str:
    """A URL, or a file that can be opened; else it is named as it was given."""
    try:
        if "://" not in crate:
            Path(crate).open("rb").close()
    except OSError as error:
        message = f"could not open {crate!r}: {error.strerror}; give a crate's file or URL"
        raise BadInputError(message) from error
    return crate


@click.command()
@click.argument(
    "directory", type=click.Path(exists=True, file_okay=False, readable=True, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_writable,
    help="The zip.",
)
@click.option("--bagit", is_flag=True, help="Write a BagIt bag (RFC 8493) that holds the crate.")
@click.option("--title", default="", help="Title; the directory's name if not given.")
@click.option("--description", default="", help="A sentence or two on what this is.")
@click.option("--licence", default="", help="SPDX identifier, such as CC-BY-4.0, or a URL.")
@click.option("--submitter", default="", help="The name of whoever made the results.")
@click.option("--keyword", "keywords", multiple=True, help="May be given several times.")
def pack(  # noqa: PLR0913 - one parameter for each option
    *,
    directory: Path,
    output: Path,
    bagit: bool,
    title: str,
    description: str,
    licence: str,
    submitter: str,
    keywords: tuple[str, ...],
) -> None:
    """Pack DIRECTORY into one verifiable zip.

    Packing the same files twice gives the same bytes.  The crate's date is SOURCE_DATE_EPOCH where that
    is set, else the day on which the newest file was written.
    """
    crate = pack_directory(
        directory,
        output,
        title=title,
        description=description,
        licence=licence,
        submitter=submitter,
        keywords=keywords,
        bagit=bagit,
    )
    click.echo(f"{crate.members} files, {decimal(crate.size_bytes)}")
    click.echo(f"{crate.sha256}  {click.format_filename(output)}")


def pack_directory(  # noqa: PLR0913 - what a person may state of a directory
    directory: Path,
    target: Path,
    *,
    title: str = "",
    description: str = "",
    licence: str = "",
    submitter: str = "",
    keywords: tuple[str, ...] = (),
    bagit: bool = False,
) -> PackedCrate:
    """Pack a directory of results, with progress bars; what was left out is said on stderr.

    Args:
        directory: the results.
        target: the zip.
        title: the directory's name if empty.
        description: what it is.
        licence: SPDX identifier or URL.
        submitter: a name.
        keywords: as they go into the metadata.
        bagit: whether to write a BagIt bag.

    Raises:
        BadInputError: there is no file in the directory.
        CrateError: see `pack_crate`.
    """
    from simcrate.crate.recorded import read_recorded  # loads pyarrow, which others need not

    contents = gather(directory.resolve(), without=(target,))
    if not contents.members:
        message = f"could not pack {directory.name!r}: there is no file in it"
        raise BadInputError(message)
    for refused in contents.refused:
        click.echo(f"left out: {_printable(refused.name)}: {refused.why}", err=True)
    for warning in _credential_warnings(contents):
        click.echo(warning, err=True)
    with _waiting("Reading results"):
        recorded = read_recorded([member.source for member in contents.members])
    if recorded.problem:
        click.echo(_printable(recorded.problem), err=True)
    provenance = Provenance(
        title=title or directory.resolve().name or "results",
        description=description,
        created_at=_date_of(contents),
        licence=licence,
        submitter=submitter,
        keywords=keywords,
        runs=recorded.runs,
        content_digest=recorded.content_digest,
    )
    write = write_bag if bagit else pack_crate
    with _bar("Packing") as progress:
        return write(contents, provenance, target, progress=progress, threads=_threads())


@click.command()
@click.argument("crate", callback=_there)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(*, crate: str, as_json: bool) -> None:
    """List every fault of CRATE, a file or a URL; exit 0 if there is none, 1 if there are some."""
    with _bar("Verifying") as progress:
        verification = verify_crate(crate, progress=progress, threads=_threads())
    if as_json:
        click.echo(json.dumps(asdict(verification) | {"is_good": verification.is_good}, indent=2))
    else:
        for fault in verification.faults:
            click.echo(_fault_line(fault))
        count = len(verification.faults)
        outcome = "no fault" if not count else "1 fault" if count == 1 else f"{count} faults"
        size = decimal(verification.size_bytes)
        click.echo(f"{_printable(crate)}: {verification.members} files, {size}: {outcome}")
    sys.exit(0 if verification.is_good else 1)


@click.command()
@click.argument("crate", callback=_there)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def inspect(*, crate: str, as_json: bool) -> None:
    """Show what is in CRATE, a file or a URL: its files, headline numbers and provenance."""
    inspection = inspect_crate(crate)
    if as_json:
        click.echo(json.dumps(asdict(inspection), indent=2, ensure_ascii=False))
        return
    console = Console()
    console.print(_provenance_table(inspection))
    if runs := _runs_of(inspection):
        console.print(_runs_table(runs))
    if inspection.statistics:
        console.print(_statistics_table(inspection))
    console.print(_tree(inspection))


def _credential_warnings(contents: CrateContents) -> Iterator[str]:
    """What in the ini files of a crate looks like a credential; it will be packed all the same."""
    for member in contents.members:
        source = member.source
        if source.suffix.lower() == ".ini" and source.stat().st_size <= LARGEST_INI_BYTES:
            for found in find_credentials(source.read_text(errors="replace")):
                place = f"{_printable(member.name)}:{found.line}"
                yield f"{place}: looks like a credential ({_printable(found.what)}); is it to be published?"


@contextmanager
def _waiting(label: str) -> Iterator[None]:
    """A spinner on stderr while something takes long whose end is not known."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(label):
        yield


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar by bytes on stderr, once the work takes longer than a second."""
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    bar = Progress(
        label, *columns, console=console, transient=True, disable=not console.is_terminal
    )
    task = bar.add_task(label)
    started_at = time.monotonic()

    def report(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if time.monotonic() - started_at > BAR_AFTER_S:
            bar.start()

    try:
        yield report
    finally:
        bar.stop()


def _threads() -> int:
    return max(1, min(8, len(os.sched_getaffinity(0))))


def _date_of(contents: CrateContents) -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal():
        return datetime.fromtimestamp(int(epoch), UTC)
    newest_s = max(member.source.stat().st_mtime for member in contents.members)
    day = datetime.fromtimestamp(newest_s, UTC)
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def _fault_line(fault: Fault) -> str:
    detail = f" (expected {fault.expected}, found {fault.found})" if fault.found else ""
    name = f"{_printable(fault.name)}: " if fault.name else ""
    return f"{fault.kind}: {name}{_printable(fault.text + detail)}"


def _provenance_table(inspection: Inspection) -> Table:
    record = inspection.run_record
    simulator = record.get("simulator")
    software = simulator if isinstance(simulator, Mapping) else {}
    runs = _runs_of(inspection)
    facts = {
        "title": record.get("title"),
        "description": record.get("description"),
        "packed": record.get("created_at"),
        "submitter": record.get("submitter"),
        "licence": record.get("licence"),
        "simulator": f"{software.get('name', '')} {software.get('version', '')}".strip(),
        "runs": len(runs) or "",
        "content digest": record.get("content_digest"),
        "size": decimal(inspection.size_bytes),
    }
    table = Table(show_header=False, box=None)
    for name, fact in facts.items():
        if fact:
            table.add_row(name, escape(_printable(str(fact))))
    return table


def _runs_of(inspection: Inspection) -> list[Mapping[str, Any]]:
    runs = inspection.run_record.get("runs")
    return [run for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []


def _runs_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("run", "config", "iteration variables", "state", "why", "simulated")
    for run in runs[:HEADLINES]:
        seconds = run.get("sim_time_s")
        table.add_row(
            _text(run.get("number")),
            _text(run.get("config")),
            _text(_itervars(run)),
            _text(run.get("state")),
            _text(run.get("reason")),
            "" if seconds is None else f"{_number(seconds)} s",
        )
    if (more := len(runs) - HEADLINES) > 0:
        table.caption = f"and {more} more in run.json"
    return table


def _itervars(record: Mapping[str, Any]) -> str:
    itervars = record.get("itervars")
    pairs = itervars.items() if isinstance(itervars, Mapping) else ()
    return ", ".join(f"{name}={value}" for name, value in pairs)


def _point(row: Mapping[str, Any]) -> str:
    return _itervars(row) or str(row.get("config", ""))


def _statistics_table(inspection: Inspection) -> Table:
    has_points = len({_point(row) for row in inspection.statistics}) > 1
    points = ["point"] if has_points else []
    table = Table("statistic", *points, "of", "mean", "95 % interval", "unit", "runs")
    for row in inspection.statistics[:HEADLINES]:
        interval = f"{_number(row.get('low'))} to {_number(row.get('high'))}"
        table.add_row(
            _text(row.get("display") or row.get("name")),
            *([_text(_point(row))] if has_points else []),
            _text(row.get("reducer")),
            _number(row.get("mean")),
            interval if row.get("low") is not None else "",
            _text(row.get("unit")),
            _text(row.get("n")),
        )
    if (more := len(inspection.statistics) - HEADLINES) > 0:
        table.caption = f"and {more} more in statistics.json"
    return table


def _number(value: object) -> str:
    """A number of a crate; what is missing shows as missing."""
    return f"{value:.6g}" if isinstance(value, int | float) else _text(value) or "missing"


def _text(value: object) -> str:
    return "" if value is None else escape(_printable(str(value)))


def _tree(inspection: Inspection) -> Tree:
    tree = Tree(escape(_printable(inspection.crate)))
    branches: dict[str, Tree] = {"": tree}
    for file in inspection.files[:TREE_LINES]:
        directory, _, name = file.name.rpartition("/")
        leaf = f"{escape(_printable(name))} [dim]{decimal(file.size_bytes)}[/]"
        _branch(branches, directory).add(leaf)
    more = len(inspection.files) - TREE_LINES
    if more > 0:
        tree.add(f"and {more} more files")
    return tree


def _branch(branches: dict[str, Tree], directory: str) -> Tree:
    if directory not in branches:
        parent, _, name = directory.rpartition("/")
        branches[directory] = _branch(branches, parent).add(f"[bold]{escape(_printable(name))}/[/]")
    return branches[directory]


def _printable(text: str) -> str:
    """Text from a crate, safe for a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
