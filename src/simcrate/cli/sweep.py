"""`simcrate storage sweep`: remove what has expired, and list what nobody knows."""

from __future__ import annotations

import getpass
import sys

import click

from simcrate.cli.definitions import option_defaults
from simcrate.cli.portal import use_portal
from simcrate.delivery import OpenStorage, Removal, RetentionLedger, find_orphans
from simcrate.delivery import sweep as run_sweep
from simcrate.errors import BadInputError, StorageError
from simcrate.storage import PatientBackends, StorageBackend


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be removed.")
def sweep(*, dry_run: bool) -> None:
    """Remove the crates of this machine's portal that have expired; exit 1 if one could not be.

    A running worker does this once an hour.  Crates that look stored by SimCrate and are in no
    ledger are listed and never touched: another installation may use the same account.
    """
    use_portal()
    from simcrate.portal.deliveries.retention import RowRetention
    from simcrate.portal.storages.services import get_definition, list_definitions

    backends = PatientBackends(option_defaults())
    ledger = RowRetention(f"simcrate storage sweep ({getpass.getuser()})")

    def open_storage(storage_id: str) -> StorageBackend:
        return backends.open(get_definition(storage_id))

    removals = run_sweep(ledger, open_storage, dry_run=dry_run)
    _print_removals(removals, dry_run=dry_run)
    for definition in list_definitions():
        _print_orphans(ledger, definition.id, open_storage)
    sys.exit(1 if any(removal.error for removal in removals) else 0)


def _print_removals(removals: list[Removal], *, dry_run: bool) -> None:
    if not removals:
        click.echo("nothing has expired")
    for removal in removals:
        expired = removal.expired
        outcome = "would be removed" if dry_run else removal.error or "removed"
        click.echo(
            f"{expired.storage_id}: {expired.stored.name}, expired on"
            f" {expired.expires_at:%Y-%m-%d %H:%M} UTC: {outcome}"
        )


def _print_orphans(ledger: RetentionLedger, storage_id: str, open_storage: OpenStorage) -> None:
    try:
        for stored in find_orphans(ledger, storage_id, open_storage):
            click.echo(
                f"{storage_id}: in no ledger, left alone: {stored.name}"
                f" ({stored.size_bytes:,} bytes, id {stored.remote_id})"
            )
    except (StorageError, BadInputError) as error:
        click.echo(f"{storage_id}: could not be listed: {error}", err=True)
