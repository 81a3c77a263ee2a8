"""`simcrate storage connect`: get a storage backend's credentials by a person's consent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from simcrate.cli.definitions import defined_backends
from simcrate.cli.privatefile import write_private
from simcrate.errors import BadInputError
from simcrate.storage import StorageDefinition, validate_identifier, write_definitions
from simcrate.storage.definitions_file import format_of


@click.command()
@click.argument("kind", type=click.Choice(["dropbox"]))
@click.option("--app-key", help="Of the app, from Dropbox's App Console; asked for if not known.")
@click.option(
    "--id", "identifier", default="dropbox", show_default=True, help="Backend identifier."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a definition file (mode 0600) instead of changing this machine's portal.",
)
def connect(*, kind: str, app_key: str | None, identifier: str, output: Path | None) -> None:
    """Connect a Dropbox account: you allow the app in a browser and paste the code that it shows.

    The refresh token that this gives is stored in the definition; it is not shown.
    """
    from simcrate.storage.dropbox_oauth import finish_connect, start_connect

    if validate_identifier(identifier) != kind:
        raise BadInputError(
            f"--id '{identifier}' is not one of {kind}; it must start with '{kind}'"
        )
    definition = _known(identifier) if output is None else _new(identifier)
    app_key = app_key or str(definition.config.get("app_key", ""))
    app_key = app_key or click.prompt("App key", err=True)
    request = start_connect(app_key)
    click.echo(f"Open this page, allow the app, and copy the code:\n\n{request.url}\n", err=True)
    code = click.prompt("Code", err=True)
    connection = finish_connect(app_key, request.verifier, code)
    config = {
        **definition.config,
        "app_key": app_key,
        "refresh_token": connection.refresh_token.reveal(),
    }
    _save(replace(definition, token="", config=config), output)
    click.echo(f"connected {identifier} to account {connection.account_id}")


def _new(identifier: str) -> StorageDefinition:
    return StorageDefinition(name="Dropbox", id=identifier)


def _known(identifier: str) -> StorageDefinition:
    """The portal's definition of that identifier, or a new one."""
    same = (found for found in defined_backends(None) if found.id == identifier)
    return next(same, _new(identifier))


def _save(definition: StorageDefinition, output: Path | None) -> None:
    if output is not None:
        text = write_definitions([definition], format_of(output), with_secrets=True)
        write_private(output, text)
        return
    from simcrate.portal.storages.services import create_or_update

    create_or_update(definition)
