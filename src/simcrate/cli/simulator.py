"""`simcrate simulator`: list, import, export and prove simulators."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simcrate.cli.portal import use_portal
from simcrate.errors import BadInputError

TINY_INI = "[General]\nnetwork = OppNet\nsim-time-limit = 60s\n"


@click.group()
def simulator() -> None:
    """List, import, export and check the simulators that users can choose."""


@simulator.command("list")
def list_command() -> None:
    """Show all simulators."""
    use_portal()
    from simcrate.portal.simulators.offers import list_offers
    from simcrate.portal.simulators.services import all_simulators

    offers = {offer.simulator.name: offer for offer in list_offers()}
    table = Table("name", "title", "version", "kind", "needs", "can be chosen")
    for one in all_simulators():
        offer = offers.get(one.name)
        why_not = offer.why_not if offer else "it is not active"
        needs = " ".join(sorted(one.tags))
        table.add_row(one.name, one.title, one.version, one.kind, needs, why_not or "yes")
    Console().print(table)


@simulator.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_command(file: Path) -> None:
    """Save the definitions of a TOML FILE with [[simulators]] tables."""
    use_portal()
    from simcrate.portal.simulators.services import import_simulators

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"could not read '{file}': {error}; it must be TOML, in UTF-8"
        raise BadInputError(message) from error
    for row in import_simulators(text, f"'{file}'"):
        click.echo(f"saved {row.name}")


@simulator.command()
def export() -> None:
    """Print all definitions but the built-in one as TOML that can be imported."""
    use_portal()
    from simcrate.portal.simulators.services import export_simulators

    click.echo(export_simulators(), nl=False)


@simulator.command()
@click.argument("name")
@click.option(
    "--ini", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A tiny simulation to run, with the files beside it; the template with its defaults if not given.",
)  # fmt: skip
@click.option("--config", "-c", default="General", show_default=True, help="Its config.")
def check(name: str, ini: Path | None, config: str) -> None:
    """Prove the simulator NAME on this machine: program, sandbox, options, runs, a tiny simulation."""
    use_portal()
    from django.conf import settings

    from simcrate.portal.simulators.services import get_simulator
    from simcrate.simulators import SandboxKind
    from simcrate.simulators.check import Trial, check_simulator

    kind = SandboxKind(settings.ENVIRONMENT.sandbox)
    console = Console()
    is_good = True
    with tempfile.TemporaryDirectory() as directory:
        path = ini or _usual_ini(name, Path(directory))
        trial = Trial(ini_path=path, config=config) if path else None
        for step in check_simulator(get_simulator(name), kind, trial):
            mark = "[green]✔[/]" if step.ok else "[red]✘[/]"
            console.print(f"{mark} {step.name}: {escape(step.seen)}", soft_wrap=True)
            is_good = is_good and step.ok
    if trial is None:
        console.print("No simulation was run: give one with --ini.")
    sys.exit(0 if is_good else 1)


def _usual_ini(name: str, directory: Path) -> Path | None:
    """A tiny ini of the built-in simulator, or the template of another with its defaults."""
    from simcrate.portal.simulators.parameters import fill
    from simcrate.portal.simulators.services import template_of
    from simcrate.simulators import OPPSIM

    template = template_of(name)
    if name != OPPSIM.name and template is None:
        return None
    path = directory / "omnetpp.ini"
    defaults = {each.name: each.default for each in template.parameters} if template else {}
    text = fill(template.text, template.parameters, defaults) if template else TINY_INI
    path.write_text(text)
    return path
