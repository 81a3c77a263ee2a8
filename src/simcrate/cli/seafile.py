"""`seafile-get-token` and `seafile-list-repo-ids`: what a Seafile definition needs.

User, password, code and token are asked for, never taken as arguments: arguments can be read by everybody
on the machine.  Prompts go to standard error, so that standard output is the answer alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simcrate.errors import BadInputError, SimCrateError
from simcrate.secret import Secret
from simcrate.storage.seafile_api import SeafileApi, SecondFactorNeeded

server_option = click.option(
    "--server",
    required=True,
    envvar="SIMCRATE_SEAFILE_SERVER",
    show_envvar=True,
    help="Address of the server, such as https://seafile.example.org.",
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@server_option
def get_token(*, server: str) -> None:
    """Ask for user and password, and print the account's API token.

    The token is what a storage backend's config calls "token".  It does not expire; changing the
    password by an administrator or disabling the account ends it.
    """
    with closing(SeafileApi(server)) as api:
        click.echo(_sign_in(api))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@server_option
@click.option(
    "--token-file",
    type=click.File(),
    help="File with the API token, - for standard input; else it is asked for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_repo_ids(*, server: str, token_file: Any, as_json: bool) -> None:  # noqa: ANN401 - click's
    """List the libraries that an account can use, with the ids that a config calls "repoid"."""
    with closing(SeafileApi(server, _token(server, token_file))) as api:
        libraries = list(_libraries(api))
    if as_json:
        click.echo(json.dumps(libraries, indent=2, ensure_ascii=False))
    else:
        _print_table(libraries)


def run_get_token() -> None:
    """The console program `seafile-get-token`."""
    _run(get_token, "seafile-get-token")


def run_list_repo_ids() -> None:
    """The console program `seafile-list-repo-ids`."""
    _run(list_repo_ids, "seafile-list-repo-ids")


def _run(command: Callable[..., object], name: str) -> None:
    """Known errors become one sentence and an exit code, as with `simcrate`."""
    try:
        command(prog_name=name)
    except SimCrateError as error:
        click.echo(f"{name}: {error}", err=True)
        sys.exit(2 if isinstance(error, BadInputError) else 1)


def _sign_in(api: SeafileApi) -> str:
    user = click.prompt("User", err=True)
    password = Secret(click.prompt("Password", hide_input=True, err=True))
    try:
        return api.login(user, password)
    except SecondFactorNeeded:
        code = click.prompt("Two-factor code", hide_input=True, err=True)
        return api.login(user, password, code)


def _token(server: str, token_file: Any) -> Secret:  # noqa: ANN401 - an open text file
    if token_file is not None:
        return Secret(token_file.read().strip())
    text = "API token (empty: sign in with user and password)"
    token = click.prompt(text, default="", show_default=False, hide_input=True, err=True)
    if token:
        return Secret(token.strip())
    with closing(SeafileApi(server)) as api:
        return Secret(_sign_in(api))


def _libraries(api: SeafileApi) -> Iterator[dict[str, Any]]:
    """One row a library; a library that was shared twice comes once, with the wider permission."""
    found: dict[str, dict[str, Any]] = {}
    for library in api.libraries():
        row = {
            "name": library["name"],
            "id": library["id"],
            "owner": library["owner"],
            "permission": library["permission"],
            "encrypted": bool(library["encrypted"]),
            "size_bytes": library["size"],
        }
        if row["id"] not in found or row["permission"] == "rw":
            found[row["id"]] = row
    yield from sorted(found.values(), key=lambda row: (row["name"].casefold(), row["id"]))


def _print_table(libraries: list[dict[str, Any]]) -> None:
    table = Table("name", "id", "owner", "permission", "encrypted", "size", box=None)
    table.columns[1].no_wrap = True  # an id that is cut cannot be copied
    for row in libraries:
        table.add_row(
            escape(row["name"]),
            row["id"],
            escape(row["owner"]),
            row["permission"],
            "yes" if row["encrypted"] else "no",
            f"{row['size_bytes'] / 1e6:,.1f} MB",
        )
    Console().print(table)
    click.echo(
        f"{len(libraries)} libraries; a crate needs one that is 'rw' and not encrypted", err=True
    )
