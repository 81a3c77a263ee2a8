"""Space: quotas, the floor that stays free, and reservations; asked before the first byte.

What an unfinished upload still has to bring is as good as used.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from simcrate.localcloud.blobs import BlobStore
from simcrate.localcloud.config import Config
from simcrate.localcloud.ledger import Ledger
from simcrate.localcloud.problems import Problem

SMALL_BYTES = 1 << 20  # of such uploads, what has arrived is not worth a look at the disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes, as they count for one owner's next upload."""

    used_bytes: int
    """Of this owner's objects."""
    objects: int
    """How many those are."""
    announced_bytes: int
    """Of unfinished uploads and reservations of everybody, still to come."""
    free_bytes: int
    """What the next upload may have at most."""


def space_for(ledger: Ledger, blobs: BlobStore, config: Config, *, owner: str, now: float) -> Space:
    """Space for the next upload of an owner."""
    usage = {row["owner"]: row for row in ledger.rows("SELECT * FROM usage")}
    used_bytes = {name: int(row["size_bytes"]) for name, row in usage.items()}
    whole_bytes, missing_bytes = _announced(ledger, blobs, now=now)
    limits = [blobs.free_bytes() - config.reserve_bytes - missing_bytes]
    if config.max_bytes is not None:
        everything = sum(used_bytes.values()) + sum(whole_bytes.values())
        limits.append(config.max_bytes - everything)
    if config.max_owner_bytes is not None:
        mine = used_bytes.get(owner, 0) + whole_bytes.get(owner, 0)
        limits.append(config.max_owner_bytes - mine)
    if config.max_file_bytes is not None:
        limits.append(config.max_file_bytes)
    return Space(
        used_bytes=used_bytes.get(owner, 0),
        objects=int(usage[owner]["objects"]) if owner in usage else 0,
        announced_bytes=missing_bytes,
        free_bytes=max(0, min(limits)),
    )


def require_space(size_bytes: int, space: Space, config: Config) -> None:
    """Refuse an upload that would not fit."""
    if config.max_file_bytes is not None and size_bytes > config.max_file_bytes:
        message = f"{size_bytes} bytes are more than the {config.max_file_bytes} allowed per file"
        raise Problem("too-large", message)
    if size_bytes > space.free_bytes:
        message = f"{size_bytes} bytes do not fit: {space.free_bytes} are free for this credential"
        raise Problem("full", message, members={"free_bytes": space.free_bytes})


def reserve(
    connection: sqlite3.Connection, *, owner: str, size_bytes: int, expires_at: float
) -> str:
    """Set space aside; the id of the reservation."""
    reservation_id = secrets.token_hex(16)
    connection.execute(
        "INSERT INTO reservations VALUES (?, ?, ?, ?)",
        [reservation_id, owner, size_bytes, expires_at],
    )
    return reservation_id


def release(connection: sqlite3.Connection, reservation_id: str, *, owner: str) -> int:
    """End a reservation; the bytes that it held, 0 if there is none."""
    sql = "DELETE FROM reservations WHERE reservation_id = ? AND owner = ? RETURNING size_bytes"
    row = connection.execute(sql, [reservation_id, owner]).fetchone()
    return 0 if row is None else int(row[0])


def _announced(ledger: Ledger, blobs: BlobStore, *, now: float) -> tuple[dict[str, int], int]:
    """Whole sizes of what is on its way, by owner, and the bytes of all that are not here yet."""
    whole: dict[str, int] = {}
    missing = 0
    uploads = "SELECT upload_id, owner, size_bytes FROM uploads WHERE object_id IS NULL"
    for row in ledger.rows(uploads):
        whole[row["owner"]] = whole.get(row["owner"], 0) + row["size_bytes"]
        arrived = blobs.offset(row["upload_id"]) if row["size_bytes"] > SMALL_BYTES else 0
        missing += max(0, row["size_bytes"] - arrived)
    reservations = "SELECT owner, size_bytes FROM reservations WHERE expires_at > ?"
    for row in ledger.rows(reservations, [now]):
        whole[row["owner"]] = whole.get(row["owner"], 0) + row["size_bytes"]
        missing += row["size_bytes"]
    return whole, missing
