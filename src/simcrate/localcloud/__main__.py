"""The `local-cloud` command: serve by default, administer with the subcommands."""

from __future__ import annotations

import logging
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from simcrate.errors import BadInputError, SimCrateError
from simcrate.localcloud import commands
from simcrate.localcloud.config import DAY_S, DEFAULT_PORT, MIB, Config
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.server import serve
from simcrate.localcloud.start import prepare
from simcrate.private import keep_files_private
from simcrate.secret import ScrubbingFormatter

UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
FILE = click.Path(path_type=Path, dir_okay=False)
EXISTING_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


class Size(click.ParamType[int]):
    """Bytes, with an optional k, M, G or T (powers of 1000)."""

    name = "size"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """The number of bytes."""
        text = str(value).strip()
        number, unit = (text[:-1], text[-1:]) if text[-1:].isalpha() else (text, "")
        if not number.isascii() or not number.isdigit() or unit not in UNITS:
            self.fail(f"'{value}' is not a size like 500M, 20G or 1000000", param, ctx)
        return int(number) * UNITS[unit]


SIZE = Size()


def _read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Defaults from a TOML file, whose keys are the options' names."""
    if path is None:
        return
    try:
        given = {
            name.replace("-", "_"): value for name, value in tomllib.loads(path.read_text()).items()
        }
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"could not read {path}: {error}"
        raise BadInputError(message) from error
    known = {str(param.name) for param in ctx.command.params} - {"config"}
    if unknown := sorted(given.keys() - known):
        message = (
            f"{path} has unknown keys: {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
        raise BadInputError(message)
    ctx.default_map = given


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=EXISTING_FILE,
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="A TOML file with any of these options, named as here without the dashes in front.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="0 takes a free one.")
@click.option("--web-port", type=int, help="Serve downloads here, and only uploads on --port.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cloud-store"),
    show_default=True,
    help="Where everything is kept.",
)
@click.option("--public-url", default="", help="What links begin with; needed on 0.0.0.0 and ::.")
@click.option("--tls-cert", type=EXISTING_FILE, help="Certificate chain, PEM.")
@click.option("--tls-key", type=EXISTING_FILE, help="Its private key, PEM.")
@click.option("--secret-file", type=FILE, help="A file with one secret; made if absent (0600).")
@click.option("--open", is_flag=True, help="Let anyone upload who reaches the port.")
@click.option("--max-bytes", type=SIZE, help="Of all objects together.")
@click.option("--max-owner-bytes", type=SIZE, help="Of all objects of one owner.")
@click.option("--max-file-bytes", type=SIZE, help="Of one object.")
@click.option(
    "--reserve-bytes",
    type=SIZE,
    default=512 * MIB,
    show_default=True,
    help="Left free on the disk.",
)
@click.option("--max-keep-days", type=float, help="Objects expire after this at the latest.")
@click.option("--threads", default=8, show_default=True, help="They hash, write and flush.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="For /metrics.")
@click.option("--metrics-port", type=int, help="Serve /metrics here.")
@click.option("--audit-file", type=FILE, help="[default: audit.jsonl in the folder]")
@click.option("--requests-per-s", default=500.0, show_default=True, help="Of one client.")
@click.option(
    "--failures-per-minute", default=60.0, show_default=True, help="Wrong guesses of one address."
)
@click.option("--trusted-proxy", default="", help="Address whose X-Forwarded-For counts.")
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - one per field of Config
    """Store large result files and hand them out by links.

    Without a subcommand: serve, until SIGINT or SIGTERM.
    """
    keep_files_private()
    days = options.pop("max_keep_days")
    known = {field.name for field in fields(Config)}
    given = {name: value for name, value in options.items() if name in known}
    config = Config(**given, max_keep_s=None if days is None else days * DAY_S)
    ctx.obj = config
    if ctx.invoked_subcommand is None:
        _log_to_stderr()
        for line in prepare(config):
            click.echo(f"local-cloud: {line}", err=True)
        serve(config, lambda url: click.echo(f"local-cloud: serving on {url}"))


for command in (
    commands.secret,
    commands.list_objects_command,
    commands.stat,
    commands.delete,
    commands.extend,
    commands.scrub,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; known errors become one sentence and an exit code."""
    try:
        cli()
    except (BadInputError, Problem) as error:
        click.echo(f"local-cloud: {error}", err=True)
        sys.exit(2)
    except SimCrateError as error:
        click.echo(f"local-cloud: {error}", err=True)
        sys.exit(1)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(ScrubbingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


if __name__ == "__main__":
    main()
