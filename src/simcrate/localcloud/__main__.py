"""The `local-cloud` command: serve by default, administer with the subcommands."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simcrate.errors import BadInputError, SimCrateError
from simcrate.localcloud.config import DEFAULT_PORT, Config
from simcrate.localcloud.server import serve
from simcrate.localcloud.start import prepare


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="0 takes a free one.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cloud-store"),
    show_default=True,
    help="Where everything is kept.",
)
@click.option("--public-url", default="", help="What links begin with.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with one secret; made with mode 0600 if absent.",
)
@click.option("--open", "is_open", is_flag=True, help="Let anyone upload who reaches the port.")
@click.pass_context
def cli(ctx: click.Context, /, **options: object) -> None:
    """Store large result files and hand them out by links.

    Without a subcommand: serve.
    """
    config = Config(open=bool(options.pop("is_open")), **options)  # type: ignore[arg-type]
    ctx.obj = config
    if ctx.invoked_subcommand is None:
        for line in prepare(config):
            click.echo(f"local-cloud: {line}", err=True)
        serve(config, lambda url: click.echo(f"local-cloud: serving on {url}"))


def main() -> None:
    """Run the command; known errors become one sentence and an exit code."""
    try:
        cli()
    except BadInputError as error:
        click.echo(f"local-cloud: {error}", err=True)
        sys.exit(2)
    except SimCrateError as error:
        click.echo(f"local-cloud: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
