"""`simcrate storage`: list, show, check, import, export, connect, sweep and postpone.

With `--definitions FILE` the definitions come from a TOML or JSON file and no portal is needed;
without it they are those of this machine's portal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simcrate.cli.connect import connect
from simcrate.cli.definitions import defined_backends, find_definition, option_defaults
from simcrate.cli.portal import use_portal
from simcrate.cli.postpone import postpone
from simcrate.cli.privatefile import write_private
from simcrate.cli.sweep import sweep
from simcrate.errors import BadInputError, DefinitionError
from simcrate.storage import (
    Defaults,
    Finding,
    StorageDefinition,
    check_definition,
    obstacles,
    open_backend,
    read_definitions,
    write_definitions,
)
from simcrate.storage.definitions_file import FileFormat, format_of

definitions_option = click.option(
    "--definitions",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML or JSON file with storage backends; else those of this machine's portal.",
)
format_option = click.option(
    "--format", "file_format", type=click.Choice(["toml", "json"]), help="By default TOML."
)


@click.group()
def storage() -> None:
    """List, check, import and export storage backends."""


storage.add_command(connect)
storage.add_command(postpone)
storage.add_command(sweep)


@storage.command("list")
@definitions_option
def list_backends(*, file: Path | None) -> None:
    """List all storage backends in a table."""
    table = Table("identifier", "name", "active", "keep days", "remarks", box=None)
    defaults = option_defaults()
    for definition in defined_backends(file):
        table.add_row(
            escape(definition.id),
            escape(definition.name),
            "yes" if definition.active else "no",
            str(definition.keep_days or "for ever"),
            escape(_remark(definition, defaults)),
        )
    Console().print(table)


@storage.command()
@click.argument("identifier", metavar="[ID]", required=False)
@definitions_option
@format_option
def show(*, identifier: str | None, file: Path | None, file_format: FileFormat | None) -> None:
    """Show one storage backend, or all, in the seven tags; secrets as `__unmodified__`."""
    shown = [find_definition(file, identifier)] if identifier else defined_backends(file)
    click.echo(write_definitions(shown, file_format or "toml", with_secrets=False), nl=False)


@storage.command()
@click.argument("identifier", metavar="ID")
@definitions_option
def check(*, identifier: str, file: Path | None) -> None:
    """Try everything that a delivery needs; exit 1 if something is not well.

    Writes a small file there, links it, fetches the link as anybody would, and deletes it.
    """
    definition = find_definition(file, identifier)
    is_well = True
    with closing(open_backend(definition, defaults=option_defaults())) as backend:
        for finding in _with_spinner(backend.check()):
            is_well &= finding.ok
            _print_finding(finding)
    sys.exit(0 if is_well else 1)


@storage.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_backends(*, file: Path) -> None:
    """Save the storage backends of FILE in this machine's portal, all or none.

    One whose identifier is known is changed; a secret that says `__unmodified__` is kept.
    """
    definitions = read_definitions(file)
    use_portal()
    from simcrate.portal.storages.services import import_definitions

    for definition, saved in zip(definitions, import_definitions(definitions), strict=True):
        reasons = f", inactive: {'; '.join(saved.obstacles)}" if saved.obstacles else ""
        click.echo(f"{definition.id}: saved{reasons}")


@storage.command()
@definitions_option
@format_option
@click.option("--with-secrets", is_flag=True, help="Write credentials too; needs -o.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Else to stdout."
)
def export(
    *, file: Path | None, file_format: FileFormat | None, with_secrets: bool, output: Path | None
) -> None:
    """Write all storage backends in the seven tags; what was written can be imported.

    Without `--with-secrets` each secret is `__unmodified__`; with it the file has mode 0600.
    """
    if with_secrets and output is None:
        raise BadInputError(
            "credentials are not written to a terminal or pipe; name a file with -o"
        )
    if file_format is None:
        file_format = format_of(output) if output else "toml"
    text = write_definitions(defined_backends(file), file_format, with_secrets=with_secrets)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_private(output, text)


def _remark(definition: StorageDefinition, defaults: Defaults) -> str:
    try:
        check_definition(definition, defaults=defaults)
        return "; ".join(obstacles(definition, defaults=defaults))
    except DefinitionError as error:
        return str(error)


def _with_spinner(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Show on a terminal that the next step is under way."""
    with Console(stderr=True).status("checking …") as status:
        for finding in findings:
            status.stop()
            yield finding
            status.start()


def _print_finding(finding: Finding) -> None:
    click.echo(f"{'✓' if finding.ok else '✗'} {finding.step:<12} {finding.seen}")
    if finding.todo:
        click.echo(f"  {'':<12} → {finding.todo}")
