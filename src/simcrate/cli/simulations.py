"""`simcrate submit`, `status`, `cancel`, `repack` and `discard`: simulations of this machine's portal."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table

from simcrate.cli.follow import follow
from simcrate.cli.portal import use_portal
from simcrate.crate.layout import Choice
from simcrate.errors import BadInputError, SimCrateError

if TYPE_CHECKING:
    from simcrate.portal.accounts.models import User
    from simcrate.portal.simulations.models import Simulation
    from simcrate.portal.simulations.queries import Overview

LISTED = 20
SHORTEST_ID = 4  # characters; nobody cancels what an empty variable of a script happens to name

without = click.option(
    "--without",
    "left_out",
    multiple=True,
    type=click.Choice(sorted(choice.value for choice in Choice)),
    help="A part that the crate does without, repeatable.",
)


@click.command()
@click.argument("ini", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--config", "-c", required=True, help="Config of the ini to run.")
@click.option("--storage", required=True, metavar="ID", help="Backend identifier.")
@click.option(
    "--fallback", default="", metavar="ID", help="Where to if that one refuses it for good."
)
@click.option("--simulator", default="oppsim", show_default=True, help="Name of the simulator.")
@click.option("--runs", "-r", "run_filter", default="", help="Run filter, such as 0..4; all else.")
@click.option("--precision", default=10.0, show_default=True, help="Seconds between table rows.")
@click.option("--title", default="", help="A name for people; the config's name by default.")
@click.option(
    "--file", "-f", "data_files", multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A data file, repeatable.",
)  # fmt: skip
@click.option("--user", default="", help="Owner; the one whose name is yours by default.")
@click.option("--mail", "notify_email", default="", help="A confirmed address of the owner.")
@click.option("--licence", default="", help="Of the results; the administrator's by default.")
@without
@click.option("--wait", is_flag=True, help="Follow it; the link is the last line.")
def submit(  # noqa: PLR0913 - one parameter for each option
    ini: Path,
    config: str,
    storage: str,
    fallback: str,
    simulator: str,
    run_filter: str,
    precision: float,
    title: str,
    data_files: tuple[Path, ...],
    user: str,
    notify_email: str,
    licence: str,
    left_out: tuple[str, ...],
    wait: bool,  # noqa: FBT001 - click's interface
) -> None:
    """Submit the simulation of an ini file; a running worker picks it up."""
    use_portal()
    from simcrate.portal.simulations.credentials import credential_warnings
    from simcrate.portal.simulations.services import submit_simulation

    files = {path.name: path.read_bytes() for path in (ini, *data_files)}
    simulation = submit_simulation(
        owner=_owner(user),
        title=title,
        ini_name=ini.name,
        files=files,
        config=config,
        run_filter=run_filter,
        precision_s=precision,
        storage_id=storage,
        fallback_id=fallback,
        notify_email=notify_email,
        simulator=simulator,
        licence=licence,
        left_out=left_out,
    )
    for warning in credential_warnings(ini.name, files):
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"submitted {simulation.pk}", err=wait)
    if wait:
        delivery = follow(simulation, Console(stderr=True))
        if not delivery.link_url or delivery.error:
            raise SimCrateError(f"the crate was not delivered: {delivery.error}")
        click.echo(delivery.link_url)


@click.command()
@click.argument("simulation_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(simulation_id: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's interface
    """Show one simulation, by its id or the beginning of it, or the newest ones."""
    use_portal()
    from simcrate.portal.simulations.models import Simulation
    from simcrate.portal.simulations.queries import overviews

    chosen = [_find(simulation_id)] if simulation_id else list(Simulation.objects.all()[:LISTED])
    rows = overviews(chosen)
    if as_json:
        click.echo(json.dumps([_as_json(row) for row in rows], indent=2))
    elif simulation_id:
        _show_one(rows[0])
    else:
        _show_list(rows)


@click.command()
@click.argument("simulation_id", metavar="ID")
@click.option("--keep", is_flag=True, help="Its results count: its runs end as stopped.")
def cancel(simulation_id: str, keep: bool) -> None:  # noqa: FBT001 - click's interface
    """Stop a simulation; what was recorded so far is packed and delivered."""
    use_portal()
    from simcrate.portal.simulations.services import cancel_simulation, stop_simulation

    simulation = _find(simulation_id)
    end = stop_simulation if keep else cancel_simulation
    end(simulation, who=f"simcrate cancel ({getpass.getuser()})")
    click.echo(f"'{simulation.title}' is being {'stopped' if keep else 'cancelled'}")


@click.command()
@click.argument("simulation_id", metavar="ID")
@without
def repack(simulation_id: str, left_out: tuple[str, ...]) -> None:
    """Pack a simulation again with other parts, without running anything, for one more delivery."""
    use_portal()
    from simcrate.portal.simulations.repacking import repack_simulation

    simulation = _find(simulation_id)
    repack_simulation(simulation, left_out=left_out)
    click.echo(f"'{simulation.title}' is being packed again")


@click.command()
@click.argument("simulation_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(simulation_id: str, yes: bool) -> None:  # noqa: FBT001 - click's interface
    """Give up the crate of a simulation that could not be delivered, with what its runs left."""
    use_portal()
    from simcrate.portal.deliveries.discarding import discard_crate

    simulation = _find(simulation_id)
    if not yes:
        named = f"'{simulation.title}' of {simulation.owner} ({simulation.pk})"
        click.confirm(f"The results of {named} cannot be had again. Discard them?", abort=True)
    discard_crate(simulation, who=f"simcrate discard ({getpass.getuser()})")
    click.echo(f"the crate of '{simulation.title}' is discarded; its worker removes it soon")


def _owner(username: str) -> User:
    """The user of that name; by default the only one there is, or one named like the shell's."""
    from simcrate.portal.accounts.models import User
    from simcrate.portal.start import our_database

    wanted = username or getpass.getuser()
    users = User.objects.filter(is_active=True)
    found = users.filter(username=wanted).first()
    if found is None and not username and users.count() == 1:
        found = users.get()
    if found is None:
        names = ", ".join(users.values_list("username", flat=True)) or "none yet"
        message = (
            f"there is no user '{wanted}' in {our_database()}; choose one with --user (there are: {names}), "
            "or make one with `simcrate user add`"
        )
        raise BadInputError(message)
    return found


def _find(simulation_id: str) -> Simulation:
    """The simulation of that id, of which the first characters do when no other has them."""
    from simcrate.portal.simulations.models import Simulation

    if len(simulation_id) < SHORTEST_ID:
        message = f"'{simulation_id}' is no id: at least {SHORTEST_ID} characters of it are needed"
        raise BadInputError(message)
    found = Simulation.objects.filter(pk__startswith=simulation_id.lower())[:LISTED]
    if not found:
        message = f"there is no simulation '{simulation_id}'; `simcrate status` lists them"
        raise BadInputError(message)
    if len(found) > 1:
        ids = ", ".join(str(simulation.pk) for simulation in found)
        message = f"several ids begin with '{simulation_id}': write more of it ({ids})"
        raise BadInputError(message)
    return found[0]


def _as_json(row: Overview) -> dict[str, object]:
    delivery = row.delivery
    return {
        "id": str(row.simulation.pk),
        "title": row.simulation.title,
        "state": row.standing.state,
        "sentence": row.standing.sentence,
        "percent": round(row.standing.percent, 1),
        "link": delivery.link_url if delivery else "",
        "sha256": delivery.sha256 if delivery else "",
        "size_bytes": delivery.size_bytes if delivery else 0,
        "problems": row.simulation.problems,
    }


def _show_list(rows: list[Overview]) -> None:
    whole = [Column(name, no_wrap=True) for name in ("id", "state", "done")]
    table = Table(*whole, "title", "runs", box=None, pad_edge=False)
    for row in rows:
        percent = f"{row.standing.percent:.0f} %"
        simulation = row.simulation
        table.add_row(
            str(simulation.pk), row.standing.state, percent, simulation.title, str(row.tally)
        )
    Console().print(table)


def _show_one(row: Overview) -> None:
    from simcrate.portal.simulations.problems import problems_of

    click.echo(f"{row.simulation.title}: {row.standing.state}")
    click.echo(row.standing.sentence)
    if row.estimated_end:
        click.echo(f"at this pace the runs end at about {row.estimated_end:%d %B, %H:%M} UTC")
    for problem in problems_of(row.simulation, row.simulation.runs.defer("log_tail", "outcome")):
        click.echo(f"- {problem}")
    if row.delivery and row.delivery.link_url:
        click.echo(row.delivery.link_url)
