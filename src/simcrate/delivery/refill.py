"""Have the crate in the spool when it is to be delivered and is not there.

From an earlier delivery of it: that one's own place in the spool, or its link, fetched as any user would.
Else from this delivery's own remote file, which is there when the ledger is older than the spool, restored
from a backup.  What arrives is compared with the digest of the crate before it counts.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import httpx

from simcrate.delivery.ledger import DeliveryRecord
from simcrate.durable import flush
from simcrate.errors import (
    StorageIntegrityError,
    StorageNotFoundError,
    StorageUnreachableError,
)
from simcrate.storage import Source

PIECE_BYTES = 1024 * 1024
TIMEOUT_S = 60.0
GONE = {httpx.codes.NOT_FOUND, httpx.codes.GONE}


def refill(
    record: DeliveryRecord, own_link: Callable[[], str], *, keep_going: Callable[[], None]
) -> None:
    """Bring the crate into its place in the spool; nothing is done where it is there already.

    Args:
        record: of the delivery.
        own_link: looks for the link of its own remote file; empty: there is none.
        keep_going: called between pieces; what it raises ends the transfer.

    Raises:
        StorageUnreachableError: the link does not answer; worth another try.
        StorageIntegrityError: what came is not the crate.
        StorageNotFoundError: the crate of an earlier delivery is in no place any more.
    """
    source, origin = record.source, record.origin
    if source.path.exists():
        return
    source.path.parent.mkdir(parents=True, exist_ok=True)
    if origin is not None and origin.path.exists():
        source.path.hardlink_to(origin.path)
    elif link_url := (origin and origin.link_url) or own_link():
        _fetch(link_url, source, keep_going)
    elif origin is not None:
        message = "could not deliver the crate again: it is not in the spool any more; run it again"
        raise StorageNotFoundError(message)


def _fetch(link_url: str, source: Source, keep_going: Callable[[], None]) -> None:
    partial = source.path.with_name(f".{source.path.name}.partial")
    try:
        with httpx.stream("GET", link_url, follow_redirects=True, timeout=TIMEOUT_S) as answer:
            _require_content(answer)
            sha256 = _write(answer, partial, source.size_bytes, keep_going)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = "could not fetch the crate from its link: no answer"
        raise StorageUnreachableError(message, detail=type(error).__name__) from error
    if (partial.stat().st_size, sha256) != (source.size_bytes, source.sha256):
        message = "could not fetch the crate from its link: other bytes came than were stored"
        raise StorageIntegrityError(message)
    partial.rename(source.path)
    flush(source.path.parent)


def _require_content(answer: httpx.Response) -> None:
    if answer.status_code in GONE:
        message = "could not fetch the crate from its link: it is gone; run it again"
        raise StorageNotFoundError(message)
    if answer.status_code != httpx.codes.OK:
        message = f"could not fetch the crate from its link: HTTP {answer.status_code}"
        raise StorageUnreachableError(message)


def _write(
    answer: httpx.Response, path: Path, size_bytes: int, keep_going: Callable[[], None]
) -> str:
    """Write what comes, and no more than is due; its SHA-256."""
    digest = hashlib.sha256()
    written = 0
    with path.open("wb") as file:
        for piece in answer.iter_bytes(PIECE_BYTES):
            keep_going()
            digest.update(piece)
            written += file.write(piece)
            if written > size_bytes:
                break
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
