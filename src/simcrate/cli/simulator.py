"""`simcrate simulator`: list, import and prove simulators."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simcrate.cli.portal import use_portal


@click.group()
def simulator() -> None:
    """List, import and check the simulators that users can choose."""


@simulator.command("list")
def list_command() -> None:
    """Show all simulators."""
    use_portal()
    from simcrate.portal.simulators.services import active_simulators, all_simulators

    active = {one.name for one in active_simulators()}
    table = Table("name", "title", "version", "kind", "needs", "active")
    for one in all_simulators():
        needs = " ".join(sorted(one.tags))
        is_active = "yes" if one.name in active else "no"
        table.add_row(one.name, one.title, one.version, one.kind, needs, is_active)
    Console().print(table)


@simulator.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_command(file: Path) -> None:
    """Save the definitions of a TOML FILE with [[simulators]] tables."""
    use_portal()
    from simcrate.portal.simulators.services import import_simulators

    for row in import_simulators(file.read_text()):
        click.echo(f"saved {row.name}")


@simulator.command()
@click.argument("name")
@click.option(
    "--ini", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A tiny simulation to run, with the files beside it.",
)  # fmt: skip
@click.option("--config", "-c", default="General", show_default=True, help="Its config.")
def check(name: str, ini: Path | None, config: str) -> None:
    """Prove the simulator NAME on this machine: program, sandbox, options, a tiny simulation."""
    use_portal()
    from django.conf import settings

    from simcrate.portal.simulators.services import get_simulator
    from simcrate.simulators import SandboxKind
    from simcrate.simulators.check import Trial, check_simulator

    trial = Trial(ini_path=ini, config=config) if ini else None
    kind = SandboxKind(settings.ENVIRONMENT.sandbox)
    console = Console()
    is_good = True
    for step in check_simulator(get_simulator(name), kind, trial):
        mark = "[green]✔[/]" if step.ok else "[red]✘[/]"
        console.print(f"{mark} {step.name}: {escape(step.seen)}", soft_wrap=True)
        is_good = is_good and step.ok
    sys.exit(0 if is_good else 1)
