"""Objects that share bytes: stored again without sending, and removed with the last one."""

from __future__ import annotations

from dataclasses import dataclass

from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.objects import (
    NewObject,
    StoredObject,
    commit_object,
    find_living,
    find_object,
    find_same_bytes,
    mark_removed,
)
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.wish import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class SameBytes:
    """What an owner says they have stored before."""

    owner: str
    key: str
    sha256: str
    size_bytes: int


def claim_again(cloud: Cloud, asked: SameBytes, wish: Wish) -> tuple[StoredObject, bool]:
    """The object of this key and content, and whether it is new; no bytes are moved.

    A new one has a link and an expiry of its own.

    Raises:
        Problem: `not-stored` if the bytes have to be sent.
    """
    now = cloud.now()
    with cloud.ledger.transaction(durable=True) as connection:
        before = find_living(cloud.ledger, asked.owner, asked.key, asked.sha256)
        twin = find_same_bytes(cloud.ledger, asked.owner, asked.sha256, size_bytes=asked.size_bytes)
        if twin is None or not cloud.blobs.is_whole(twin.blob, asked.size_bytes):
            message = "this credential has not stored these bytes yet; send them"
            raise Problem("not-stored", message)
        new = NewObject(
            owner=asked.owner,
            key=asked.key,
            media_type=twin.media_type,
            blob=twin.blob,
            size_bytes=twin.size_bytes,
            sha256=twin.sha256,
            expires_at=wish.expiry(now, max_keep_s=cloud.config.max_keep_s),
            password=wish.password,
            max_downloads=wish.max_downloads,
        )
        stored, orphan = commit_object(connection, new, now=now)
    if orphan is not None:
        cloud.blobs.remove(orphan)
    return stored, before is None or stored.object_id != before.object_id


def remove_object(cloud: Cloud, stored: StoredObject, *, why: str) -> bool:
    """End an object and its link; its blob too, if nobody else refers to it.

    Returns:
        False if it was removed, held or extended since it was looked at: it stays as it is.
    """
    now = cloud.now()
    with cloud.ledger.transaction(durable=True) as connection:
        current = find_object(cloud.ledger, stored.object_id)
        if current is None or not _may_end(current, why, now=now):
            return False
        blob = mark_removed(connection, current, now=now, why=why)
    if blob is not None:
        cloud.blobs.remove(blob)
    return True


def _may_end(current: StoredObject, why: str, *, now: float) -> bool:
    if current.removed_at is not None or current.held:
        return False
    return why != "expired" or current.is_expired(now)
