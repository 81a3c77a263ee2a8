"""Stored objects as rows of the ledger: commit, find, extend, remove.

One owner has at most one living object per key and digest; asking for it again finds it.  Objects of
one owner with the same digest may share a blob; the blob goes with the last of them.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from simcrate.localcloud.ledger import Ledger
from simcrate.localcloud.names import filename_of

LINK_TOKEN_BYTES = 16  # 128 bits; 22 letters in URLs
ANYONE = "anyone"  # the owner of what comes to an open server without a secret; finds nothing again
PAGE = 1000  # objects of one listing


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One row."""

    object_id: str
    owner: str
    key: str
    media_type: str
    blob: str
    size_bytes: int
    sha256: str
    link_token: str
    created_at: float
    expires_at: float | None
    """None: never."""
    held: int
    """1: neither expires nor is removed."""
    password: str | None
    max_downloads: int | None
    removed_at: float | None
    """Set on the gravestone that answers 410."""
    removed_why: str | None

    @property
    def filename(self) -> str:
        """What a downloader gets."""
        return filename_of(self.key)

    @property
    def etag(self) -> str:
        """Strong: equal only for equal bytes."""
        return f'"{self.sha256}"'

    def is_expired(self, now: float) -> bool:
        """Whether its time has passed."""
        return not self.held and self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """What a commit needs to know."""

    owner: str
    key: str
    media_type: str
    blob: str
    size_bytes: int
    sha256: str
    expires_at: float | None
    password: str | None
    max_downloads: int | None


def commit_object(
    connection: sqlite3.Connection, new: NewObject, *, now: float
) -> tuple[StoredObject, str | None]:
    """Enter an object, or find the living one of the same owner, key and digest.

    A found one is kept as long as the later of both expiries, and gets the password and the number of
    downloads that are asked for now, if any are.  Call inside a durable transaction.

    Returns:
        The object, and the name of a blob that nobody refers to any more.
    """
    found = orphan = None
    if new.owner != ANYONE:
        found = _living(connection, new.owner, new.key, new.sha256)
    if found is not None and not found.is_expired(now):
        _renew(connection, found, new)
        return _by_id(connection, found.object_id), None
    if found is not None:
        orphan = mark_removed(connection, found, now=now, why="expired")
    object_id = secrets.token_hex(16)
    connection.execute(
        "INSERT INTO objects (object_id, owner, key, media_type, blob, size_bytes, sha256,"
        " link_token, created_at, expires_at, password, max_downloads)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(object_id, new.owner, new.key, new.media_type, new.blob, new.size_bytes, new.sha256),
            *(secrets.token_urlsafe(LINK_TOKEN_BYTES), now, new.expires_at),
            *(new.password, new.max_downloads),
        ],
    )
    _count(connection, new.owner, objects=1, size_bytes=new.size_bytes)
    return _by_id(connection, object_id), None if orphan == new.blob else orphan


def mark_removed(
    connection: sqlite3.Connection, stored: StoredObject, *, now: float, why: str
) -> str | None:
    """Leave a gravestone; the name of the blob if nobody refers to it any more."""
    connection.execute(
        "UPDATE objects SET removed_at = ?, removed_why = ?, password = NULL WHERE object_id = ?",
        [now, why, stored.object_id],
    )
    connection.execute("DELETE FROM coverage WHERE object_id = ?", [stored.object_id])
    _count(connection, stored.owner, objects=-1, size_bytes=-stored.size_bytes)
    sql = "SELECT 1 FROM objects WHERE blob = ? AND removed_at IS NULL LIMIT 1"
    shared = connection.execute(sql, [stored.blob]).fetchone()
    return None if shared else stored.blob


def find_object(ledger: Ledger, object_id: str) -> StoredObject | None:
    """By id; a gravestone too."""
    return _first(ledger.rows("SELECT * FROM objects WHERE object_id = ?", [object_id]))


def find_linked(ledger: Ledger, link_token: str) -> StoredObject | None:
    """By link; a gravestone too."""
    return _first(ledger.rows("SELECT * FROM objects WHERE link_token = ?", [link_token]))


def find_same_bytes(
    ledger: Ledger, owner: str, sha256: str, *, size_bytes: int
) -> StoredObject | None:
    """A living object of this owner with this content."""
    sql = "SELECT * FROM objects WHERE owner = ? AND sha256 = ? AND removed_at IS NULL LIMIT 1"
    found = _first(ledger.rows(sql, [owner, sha256]))
    return found if found is not None and found.size_bytes == size_bytes else None


def find_living(ledger: Ledger, owner: str, key: str, sha256: str) -> StoredObject | None:
    """The living object of this owner, key and digest."""
    sql = "SELECT * FROM objects WHERE owner = ? AND key = ? AND sha256 = ? AND removed_at IS NULL"
    return _first(ledger.rows(sql, [owner, key, sha256]))


def list_objects(
    ledger: Ledger, *, owner: str | None, prefix: str = "", after: str = "", limit: int = PAGE
) -> list[StoredObject]:
    """Living objects in the order of their ids, those after an id; of one owner, or of all."""
    sql = (
        "SELECT * FROM objects WHERE removed_at IS NULL AND object_id > ?"
        " AND substr(key, 1, length(?)) = ?"
    )
    values: list[object] = [after, prefix, prefix]
    if owner is not None:
        sql += " AND owner = ?"
        values.append(owner)
    rows = ledger.rows(sql + " ORDER BY object_id LIMIT ?", [*values, limit])
    return [_object(row) for row in rows]


def expired_objects(ledger: Ledger, *, now: float, limit: int = PAGE) -> list[StoredObject]:
    """Living objects whose time has passed."""
    sql = (
        "SELECT * FROM objects WHERE removed_at IS NULL AND held = 0 AND expires_at <= ?"
        " ORDER BY expires_at LIMIT ?"
    )
    return [_object(row) for row in ledger.rows(sql, [now, limit])]


def set_keeping(
    connection: sqlite3.Connection, object_id: str, *, expires_at: float | None, held: bool
) -> StoredObject:
    """Change until when a living object is kept."""
    connection.execute(
        "UPDATE objects SET expires_at = ?, held = ? WHERE object_id = ? AND removed_at IS NULL",
        [expires_at, int(held), object_id],
    )
    return _by_id(connection, object_id)


def _renew(connection: sqlite3.Connection, found: StoredObject, new: NewObject) -> None:
    later = None
    if found.expires_at is not None and new.expires_at is not None:
        later = max(found.expires_at, new.expires_at)
    connection.execute(
        "UPDATE objects SET expires_at = ?, password = coalesce(?, password),"
        " max_downloads = coalesce(?, max_downloads) WHERE object_id = ?",
        [later, new.password, new.max_downloads, found.object_id],
    )


def _living(
    connection: sqlite3.Connection, owner: str, key: str, sha256: str
) -> StoredObject | None:
    sql = "SELECT * FROM objects WHERE owner = ? AND key = ? AND sha256 = ? AND removed_at IS NULL"
    return _first(connection.execute(sql, [owner, key, sha256]).fetchall())


def _by_id(connection: sqlite3.Connection, object_id: str) -> StoredObject:
    sql = "SELECT * FROM objects WHERE object_id = ?"
    return _object(connection.execute(sql, [object_id]).fetchone())


def _count(connection: sqlite3.Connection, owner: str, *, objects: int, size_bytes: int) -> None:
    connection.execute(
        "INSERT INTO usage (owner, objects, size_bytes) VALUES (?, ?, ?) ON CONFLICT (owner)"
        " DO UPDATE SET objects = objects + excluded.objects,"
        " size_bytes = size_bytes + excluded.size_bytes",
        [owner, objects, size_bytes],
    )


def _first(rows: Sequence[sqlite3.Row]) -> StoredObject | None:
    return _object(rows[0]) if rows else None


def _object(row: sqlite3.Row) -> StoredObject:
    return StoredObject(**dict(row))
