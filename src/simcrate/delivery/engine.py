"""The engine that takes one delivery from wherever its ledger says to its end.

It may be killed at any instant and called again: every step is safe to repeat and the ledger is written
before and after each.  The crate leaves the spool only after the remote file was verified and the
outcome was announced.  Announcements are at least once: the intent is committed first and the message
has a fixed id, so that the one duplicate that cannot be excluded is the same message.
"""

from __future__ import annotations

import logging
import random
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simcrate.delivery.ledger import DeliveryRecord, DeliveryState, Ledger
from simcrate.delivery.refill import refill
from simcrate.errors import (
    BadInputError,
    NotifyError,
    SimCrateError,
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageIntegrityError,
)
from simcrate.storage import LinkPolicy, ShowProgress, StorageBackend, StoredCrate

log = logging.getLogger(__name__)

LINK_GRACE = timedelta(days=7)
"""A provider's own expiry lies this much after ours: retention removes first, the provider is the net."""

_TO_BE_ANNOUNCED = {DeliveryState.LINKED, DeliveryState.FAILED}
_ANNOUNCED = {DeliveryState.ANNOUNCED, DeliveryState.EXPIRING, DeliveryState.REMOVED}

OpenBackend = Callable[[], StorageBackend]
Announce = Callable[[DeliveryRecord], None]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a delivery is tried, and then its announcement.

    Tries are counted, not time: where nobody tried, because no worker ran, and where a clock was set,
    nothing has been tried in vain.
    """

    first_wait_s: float = 15.0
    longest_wait_s: float = 3600.0
    tries: int = 100
    """Some three days: an administrator who comes back on Monday finds it still trying."""

    def wait_s(self, attempts: int) -> float:
        """Doubles with every failed try; jitter keeps many deliveries from coming back at once."""
        doubled = 2.0 ** min(attempts, 30)  # what is never given up must not leave the numbers
        longest = min(self.longest_wait_s, self.first_wait_s * doubled)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def deliver(
    ledger: Ledger,
    open_backend: OpenBackend,
    announce: Announce,
    *,
    progress: ShowProgress = lambda _: None,
    patience: Patience | None = None,
    now: Clock = lambda: datetime.now(UTC),
) -> DeliveryRecord:
    """Upload, verify, link and announce, as far as it goes now.

    Args:
        ledger: the rows of this delivery, under this worker's claim.
        open_backend: opens the storage backend of the delivery.
        announce: tells the user the outcome; raises `NotifyError`.
        progress: is told how many bytes are certain; what it raises ends the try and nothing else.
        patience: how long to try.
        now: the wall clock, aware UTC.

    Returns:
        the record as it stands: `announced`, `failed` (announced too), `waiting` or, when only the
        announcement must be tried again, `linked`.

    Raises:
        LeaseLostError: another worker has this delivery.
        Exception: anything that is nobody's known failure, such as a full disk; give it to `settle`.
    """
    patience = patience or Patience()
    if ledger.read().state not in _TO_BE_ANNOUNCED | _ANNOUNCED:
        _store_and_link(ledger, open_backend, progress, patience, now)
    if ledger.read().state in _TO_BE_ANNOUNCED:
        _announce(ledger, announce, patience)
    record = ledger.read()
    if record.state in _ANNOUNCED:
        _release_spool(ledger, record)
    return record


def settle(ledger: Ledger, error: SimCrateError, *, patience: Patience | None = None) -> None:
    """Wait and try again while that can help, else give up what has failed.

    That is the delivery until there is a link or a final no, and then its announcement.  Once that is out,
    only the spool is left to be released, which is never given up.
    """
    patience = patience or Patience()
    record = ledger.read()
    delivery = str(record.id)
    is_outcome_known = record.state in _TO_BE_ANNOUNCED
    wait_s = patience.wait_s(record.attempts)
    if isinstance(error, StorageBusyError):
        wait_s = max(wait_s, error.retry_after_s)
    may_help = error.retryable and record.attempts + 1 < patience.tries
    if may_help or record.announced:
        log.warning(
            "delivery.delayed",
            extra={"delivery": delivery, "retry_in_s": round(wait_s), **error.facts},
        )
        ledger.waiting(error, retry_in_s=wait_s)
    elif is_outcome_known:
        log.error("delivery.not_announced", extra={"delivery": delivery, **error.facts})
        ledger.not_announced(error)
    else:
        log.error("delivery.failed", extra={"delivery": delivery, **error.facts})
        ledger.failed(error)


def _store_and_link(
    ledger: Ledger,
    open_backend: OpenBackend,
    progress: ShowProgress,
    patience: Patience,
    now: Clock,
) -> None:
    try:
        with closing(open_backend()) as backend:
            stored = _stored(ledger, backend, progress, now)
            _verify(backend, ledger.read(), stored)
            ledger.linked(backend.link(stored, link_policy(ledger.read().keep_days, now())))
        log.info("delivery.linked", extra={"delivery": str(ledger.read().id)})
    except (StorageError, BadInputError) as error:
        settle(ledger, error, patience=patience)


def _stored(
    ledger: Ledger, backend: StorageBackend, progress: ShowProgress, now: Clock
) -> StoredCrate:
    """The remote file: what the ledger knows already, or an upload.

    After any failure the upload is asked again: it finds a crate that is already there whole.
    """
    record = ledger.read()
    if record.state is DeliveryState.VERIFYING and record.stored is not None:
        return record.stored
    ledger.uploading()
    refill(record, lambda: _own_link(backend, record, now()), keep_going=lambda: progress(0))
    stored = backend.upload(
        record.source,
        record.name,
        resume=record.resume,
        save_resume=ledger.save_resume,
        progress=progress,
    )
    ledger.stored(stored)
    return stored


def _own_link(backend: StorageBackend, record: DeliveryRecord, now: datetime) -> str:
    """The link of what looks like this delivery's remote file; empty: nothing does."""
    wanted = (str(record.id), record.source.size_bytes)
    with suppress(StorageAuthError):  # a server that is open to all lists nothing
        for stored in backend.list_owned():
            if (stored.delivery_id, stored.size_bytes) == wanted:
                return backend.link(stored, link_policy(record.keep_days, now)).url
    return ""


def _verify(backend: StorageBackend, record: DeliveryRecord, stored: StoredCrate) -> None:
    """What is there now is what was stored."""
    seen = backend.stat(stored)
    if (seen.size_bytes, seen.digest) != (record.source.size_bytes, stored.digest):
        message = (
            f"the storage backend holds {seen.size_bytes} bytes where the crate has "
            f"{record.source.size_bytes}, or another digest; the crate is kept and sent again"
        )
        raise StorageIntegrityError(message, detail=f"{stored} / {seen}")


def link_policy(keep_days: int, now: datetime) -> LinkPolicy:
    """What is asked of a link: the provider's own expiry is a net below ours; 0 = for ever."""
    if keep_days == 0:
        return LinkPolicy()
    return LinkPolicy(expires_at=now + timedelta(days=keep_days) + LINK_GRACE)


def _announce(ledger: Ledger, announce: Announce, patience: Patience) -> None:
    """Intent first; a mail server that is down delays the announcement and nothing else."""
    record = ledger.announcing()
    if record.announced:
        return
    try:
        announce(record)
    except NotifyError as error:
        settle(ledger, error, patience=patience)
    else:
        ledger.announced()
        log.info("delivery.announced", extra={"delivery": str(record.id)})


def _release_spool(ledger: Ledger, record: DeliveryRecord) -> None:
    """The delivery owns its directory in the spool; it goes once the remote file is proven."""
    shutil.rmtree(record.source.path.parent, ignore_errors=True)
    ledger.spool_released()
