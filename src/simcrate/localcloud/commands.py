"""The administrator's subcommands; they work on the folder, whether the server runs or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from simcrate.errors import BadInputError, SimCrateError
from simcrate.localcloud.answers import describe
from simcrate.localcloud.clock import rfc3339
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.config import Config
from simcrate.localcloud.ledger import telling_why
from simcrate.localcloud.objects import StoredObject, find_object, set_keeping
from simcrate.localcloud.removal import remove_object
from simcrate.localcloud.scrub import every_object
from simcrate.localcloud.scrub import scrub as read_again
from simcrate.localcloud.secretbook import DEFAULT_OWNER, list_secrets, new_secret, revoke_secret
from simcrate.localcloud.wish import Wish, parse_expiry


@contextmanager
def opened(config: Config, *, make: bool = False) -> Iterator[Cloud]:
    """The store in the configured folder."""
    if not make and not (config.folder / "ledger.sqlite3").exists():
        message = f"there is no store in '{config.folder}'; name its folder with --folder"
        raise BadInputError(message)
    with telling_why(config.folder), closing(Cloud(config)) as cloud:
        yield cloud


@click.group()
def secret() -> None:
    """Make, list and revoke secrets; effective at once."""


@secret.command()
@click.option("--owner", default=DEFAULT_OWNER, show_default=True, help="Whose objects it is for.")
@click.pass_obj
def new(config: Config, owner: str) -> None:
    """Make a secret and print it, this once."""
    with opened(config, make=True) as cloud:
        click.echo(new_secret(cloud.ledger, now=cloud.now(), owner=owner).reveal())


@secret.command("list")
@click.pass_obj
def list_command(config: Config) -> None:
    """List secrets by id; their values are not kept."""
    with opened(config) as cloud:
        for entry in list_secrets(cloud.ledger):
            made, revoked = rfc3339(entry.created_at), rfc3339(entry.revoked_at)
            state = f"revoked {revoked}" if revoked else "valid"
            click.echo(f"{entry.secret_id}  {entry.owner}  made {made}  {state}")


@secret.command()
@click.argument("secret_id")
@click.pass_obj
def revoke(config: Config, secret_id: str) -> None:
    """Make a secret invalid."""
    with opened(config) as cloud:
        if not revoke_secret(cloud.ledger, secret_id, now=cloud.now()):
            message = f"there is no valid secret with the id '{secret_id}'"
            raise BadInputError(message)


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_objects_command(config: Config, *, as_json: bool) -> None:
    """List all objects."""
    with opened(config) as cloud:
        for stored in every_object(cloud):
            if as_json:
                click.echo(json.dumps(describe(cloud, stored)))
            else:
                until = "held" if stored.held else rfc3339(stored.expires_at) or "for ever"
                key = json.dumps(stored.key)[1:-1]
                click.echo(f"{stored.object_id}  {stored.size_bytes:>14}  {until:<20}  {key}")


@click.command()
@click.argument("object_id")
@click.pass_obj
def stat(config: Config, object_id: str) -> None:
    """Show one object as JSON."""
    with opened(config) as cloud:
        click.echo(json.dumps(describe(cloud, _living(cloud, object_id)), indent=2))


@click.command()
@click.argument("object_ids", nargs=-1, required=True)
@click.pass_obj
def delete(config: Config, object_ids: tuple[str, ...]) -> None:
    """Remove objects and their links."""
    with opened(config) as cloud:
        for stored in [_living(cloud, object_id) for object_id in object_ids]:
            if not remove_object(cloud, stored, why="removed"):
                message = f"'{stored.object_id}' is on hold (end that with: extend --release), or gone already"
                raise BadInputError(message)
            cloud.audit.record("object.removed", stored=stored, by="administrator")


@click.command()
@click.argument("object_id")
@click.option("--expires", help="Seconds from now, an RFC 3339 time, or 0 for ever.")
@click.option("--hold/--release", default=None, help="Neither expire nor remove it; or end that.")
@click.pass_obj
def extend(config: Config, object_id: str, *, expires: str | None, hold: bool | None) -> None:
    """Change until when an object is kept."""
    with opened(config) as cloud:
        stored, now = _living(cloud, object_id), cloud.now()
        expires_at = stored.expires_at
        if expires is not None:
            keep_s, at = parse_expiry(expires, now=now)
            expires_at = Wish(keep_s=keep_s, expires_at=at).expiry(now, max_keep_s=None)
        held = bool(stored.held) if hold is None else hold
        with cloud.ledger.transaction(durable=True) as connection:
            changed = set_keeping(connection, object_id, expires_at=expires_at, held=held)
        if changed.removed_at is not None:
            message = f"'{object_id}' was removed just now"
            raise BadInputError(message)
        cloud.audit.record("object.changed", stored=changed, by="administrator")
        click.echo(json.dumps(describe(cloud, changed), indent=2))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per fault.")
@click.pass_obj
def scrub(config: Config, *, as_json: bool) -> None:
    """Read every object again and report what is damaged; exit 1 if anything is."""
    faults = 0
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with opened(config) as cloud, Progress(*columns, console=Console(stderr=True)) as progress:
        total = sum(stored.size_bytes for stored in every_object(cloud))
        task = progress.add_task("reading", total=total)
        objects = 0
        for verdict in read_again(cloud):
            objects += 1
            progress.advance(task, verdict.size_bytes)
            if verdict.fault:
                faults += 1
                line = {"name": verdict.name, "fault": verdict.fault}
                click.echo(json.dumps(line) if as_json else f"{verdict.name}: {verdict.fault}")
    if faults:
        message = (
            f"{faults} of {objects} objects and blobs are at fault: store what is damaged or missing "
            "again; what the ledger does not know waits for a newer ledger, or for you to delete it"
        )
        raise SimCrateError(message)
    if not as_json:
        click.echo(f"{objects} objects are as they were stored")


def _living(cloud: Cloud, object_id: str) -> StoredObject:
    stored = find_object(cloud.ledger, object_id)
    if stored is None or stored.removed_at is not None:
        message = f"there is no object '{object_id}'; `local-cloud list` shows those that are there"
        raise BadInputError(message)
    return stored
