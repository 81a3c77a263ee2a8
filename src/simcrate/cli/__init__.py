"""The `simcrate` command.

Each command lives in a module of this package and is imported only when it is called, so that
`simcrate verify` starts without Django and `simcrate --help` without anything.

Exit codes: 0 done, 1 failed, 2 bad usage or bad input.
"""

from __future__ import annotations

import importlib
import sys

import click

from simcrate import __version__
from simcrate.errors import BadInputError, SimCrateError

# command: (module in this package, what `simcrate --help` says)
COMMANDS = {
    "demo": ("demo", "Show the whole way on this machine."),
    "up": ("up", "Run portal, worker and local-cloud on this machine."),
    "web": ("serve", "Serve the portal."),
    "worker": ("serve", "Run simulations and deliveries."),
    "submit": ("simulations", "Submit the simulation of an ini file."),
    "status": ("simulations", "Show one simulation, or the newest ones."),
    "cancel": ("simulations", "Stop a simulation; what was recorded is delivered."),
    "repack": ("simulations", "Pack a simulation again with other parts."),
    "discard": ("simulations", "Give up a crate that could not be delivered."),
    "deliver": ("deliver", "Pack a directory of results and bring it to a storage backend."),
    "simulator": ("simulator", "List, import and prove simulators."),
    "results": ("results", "List, export and summarise result files of simulations."),
    "ini": ("ini", "Check an omnetpp.ini, list its runs, show effective values."),
    "pack": ("crate", "Pack a directory of results into one verifiable zip."),
    "verify": ("crate", "List every fault of a crate; exit 0 if there is none."),
    "inspect": ("crate", "Show what is in a crate."),
    "storage": ("storage", "List, check, import and export storage backends."),
    "user": ("user", "Make accounts of this machine's portal."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """All commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name; its function has the name of the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"simcrate.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of `--help`, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="simcrate")
def cli() -> None:
    """Run network simulations and deliver verified results."""


def main() -> None:
    """Run the command; known errors become one sentence and an exit code."""
    try:
        cli()
    except BadInputError as error:
        click.echo(f"simcrate: {error}", err=True)
        sys.exit(2)
    except SimCrateError as error:
        click.echo(f"simcrate: {error}", err=True)
        sys.exit(1)
