"""Retention: crates whose time has passed are removed from their storage backends.

Only what the ledger says was stored by us is removed, by its recorded remote id and only if it is still
the same file.  Nothing is ever listed and deleted by age; `find_orphans` lists what looks like ours and
is in no ledger, and touches nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Protocol
from uuid import UUID

from simcrate.errors import BadInputError, SimCrateError, StorageError, StorageRefusedError
from simcrate.storage import StorageBackend, StoredCrate

log = logging.getLogger(__name__)

OpenStorage = Callable[[str], StorageBackend]
"""Opens the storage backend of a `storage_backend_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A delivery whose crate is to be removed."""

    delivery_id: UUID
    storage_id: str
    """Backend identifier."""
    file_name: str
    expires_at: datetime
    stored: StoredCrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What became of one expired crate."""

    expired: Expired
    is_removed: bool
    """False in a dry run, and where `error` says why not."""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows of one storage backend."""

    remote_ids: Collection[str]
    """Of crates that are there."""
    delivery_ids: Collection[str]
    """Of deliveries that are on their way: their crates may be there already."""


class RetentionLedger(Protocol):
    """The rows of all deliveries, as retention sees them.

    Each method is one transaction.  Several may sweep at once: what a sweep does twice is harmless.
    """

    def expired(self) -> Sequence[Expired]:
        """Announced, past their expiry by the ledger's clock, and not waiting for another try."""
        ...

    def expiring(self, expired: Expired) -> bool:
        """Committed to removal: its links no longer count.

        False when it was extended, or removed, meanwhile: then leave it alone.
        """
        ...

    def removed(self, expired: Expired) -> None:
        """It is gone."""
        ...

    def not_removed(self, expired: Expired, error: SimCrateError) -> None:
        """It could not be removed this time; tried again later."""
        ...

    def known(self, storage_id: str) -> Known:
        """What may rightly be in a storage backend."""
        ...


def sweep(
    ledger: RetentionLedger, open_storage: OpenStorage, *, dry_run: bool = False
) -> list[Removal]:
    """Remove everything that has expired; may be killed at any instant and called again.

    A storage backend that is down costs only its own crates, and those only time.

    Args:
        ledger: the rows.
        open_storage: opens a storage backend by its identifier.
        dry_run: change nothing; say what would be removed.
    """
    expired = sorted(ledger.expired(), key=lambda each: (each.storage_id, each.expires_at))
    if dry_run:
        return [Removal(expired=each, is_removed=False) for each in expired]
    removals: list[Removal] = []
    for storage_id, group in groupby(expired, key=lambda each: each.storage_id):
        committed = [each for each in group if ledger.expiring(each)]
        removals += _sweep_storage(ledger, committed, partial(open_storage, storage_id))
    return removals


def find_orphans(
    ledger: RetentionLedger, storage_id: str, open_storage: OpenStorage
) -> Iterator[StoredCrate]:
    """What looks stored by us and is in no ledger: to be looked at by a person.

    Another installation that uses the same account has crates there, too.

    Raises:
        StorageError: the storage backend cannot be listed.
        DefinitionError: its definition cannot be used.
    """
    with closing(open_storage(storage_id)) as backend:
        listed = list(backend.list_owned())
    known = ledger.known(storage_id)  # after the list: what arrives meanwhile is known by then
    for stored in listed:
        is_under_way = stored.delivery_id in known.delivery_ids
        if stored.remote_id not in known.remote_ids and not is_under_way:
            yield stored


def _sweep_storage(
    ledger: RetentionLedger, committed: list[Expired], opening: Callable[[], StorageBackend]
) -> Iterator[Removal]:
    remaining = iter(committed)
    try:
        with closing(opening()) as backend:
            for expired in remaining:
                error = _remove(backend, expired)
                yield _record(ledger, expired, error)
                if error is not None and not isinstance(error, StorageRefusedError):
                    break  # it is down, or closed to us: the others would only wait in vain
            else:
                error = None
    except (StorageError, BadInputError) as refusal:
        error = refusal
    for expired in remaining:
        assert error is not None
        yield _record(ledger, expired, error)


def _remove(backend: StorageBackend, expired: Expired) -> SimCrateError | None:
    try:
        backend.delete(expired.stored)
    except StorageError as error:
        return error
    return None


def _record(ledger: RetentionLedger, expired: Expired, error: SimCrateError | None) -> Removal:
    if error is None:
        ledger.removed(expired)
        log.info("crate.removed", extra={"delivery": str(expired.delivery_id)})
        return Removal(expired=expired, is_removed=True)
    log.warning("crate.not_removed", extra={"delivery": str(expired.delivery_id), **error.facts})
    ledger.not_removed(expired, error)
    return Removal(expired=expired, is_removed=False, error=str(error))
