"""Uploads: begin, receive, finish.  `PUT` and tus both come here.

An upload's bytes grow in `incoming/`; the size of that file is the offset that clients are told.  The
one way to an object is `finish`: the SHA-256 of the whole file is compared, the file is flushed and
renamed, the directories are flushed, and one durable transaction enters object and link.  Every step
can be repeated: after a death at any instant there is the whole object or none, and an upload whose
bytes are all here is finished at the next start or the next question about it.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect

from simcrate.localcloud.blobs import hash_file
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.digests import Checksum
from simcrate.localcloud.objects import NewObject, StoredObject, commit_object, find_object
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.space import release, require_space, space_for
from simcrate.localcloud.wish import Wish
from simcrate.localcloud.writing import Writer

PART = "partial"
BATCH_BYTES = 64 << 10  # smaller pieces are gathered before a thread is bothered


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One row."""

    upload_id: str
    owner: str
    key: str
    media_type: str
    size_bytes: int
    sha256: str | None
    """What the whole was announced to have."""
    wish: str
    metadata: str
    """tus's `Upload-Metadata`, as it came."""
    concat: str
    """tus's `Upload-Concat`, as it came."""
    grant_id: str | None
    created_at: float
    expires_at: float
    object_id: str | None
    """Set once it is finished."""

    @property
    def is_part(self) -> bool:
        """Whether this is to be joined with others and never becomes an object by itself."""
        return self.concat == PART


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a client says before the first byte."""

    owner: str
    key: str
    media_type: str
    size_bytes: int
    sha256: str | None
    wish: Wish
    metadata: str = ""
    concat: str = ""
    grant_id: str | None = None
    reservation_id: str | None = None


def begin_upload(cloud: Cloud, announced: Announcement) -> Upload:
    """Enter an upload, if there is space for it.

    Durably: a blob that survived a power cut without its upload would look as if it came after the ledger.

    Raises:
        Problem: `too-large`, `full`; `grant-used`, or `locked` while an earlier upload of the same grant
            is being sent.
    """
    if announced.grant_id is not None:
        _free_grant(cloud, announced.grant_id)
    now = cloud.now()
    upload_id = secrets.token_hex(16)
    with cloud.ledger.transaction(durable=True) as connection:
        _take_space(cloud, connection, announced, now=now)
        connection.execute(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                *(upload_id, announced.owner, announced.key, announced.media_type),
                *(announced.size_bytes, announced.sha256, announced.wish.to_json()),
                *(announced.metadata, announced.concat, announced.grant_id),
                *(now, now + cloud.config.upload_keep_s),
            ],
        )
        if announced.grant_id is not None:
            _bind_grant(connection, announced.grant_id, upload_id)
    upload = find_upload(cloud, upload_id)
    assert upload is not None
    return upload


def find_upload(cloud: Cloud, upload_id: str) -> Upload | None:
    """By id, finished ones too."""
    row = cloud.ledger.row("SELECT * FROM uploads WHERE upload_id = ?", [upload_id])
    return None if row is None else Upload(**dict(row))


def find_unfinished(cloud: Cloud, owner: str, key: str) -> Upload | None:
    """The newest unfinished upload of an owner under a key."""
    sql = (
        "SELECT * FROM uploads WHERE owner = ? AND key = ? AND object_id IS NULL AND concat = ''"
        " ORDER BY created_at DESC LIMIT 1"
    )
    row = cloud.ledger.row(sql, [owner, key])
    return None if row is None else Upload(**dict(row))


async def receive(
    cloud: Cloud,
    upload: Upload,
    chunks: AsyncIterator[bytes],
    *,
    offset: int | None = None,
    checksum: Checksum | None = None,
    cut: Callable[[], None] | None = None,
) -> int:
    """Take one request's bytes; what arrived before a broken connection is kept.

    Args:
        cloud: the server.
        upload: where the bytes go.
        chunks: the request's body; raises when the connection breaks.
        offset: where the client means to go on; None: do not ask.
        checksum: of exactly these bytes; they are dropped if it differs.
        cut: closes the request's connection, for the next client when this one falls silent.

    Returns:
        The new offset.

    Raises:
        Problem: `locked`, `wrong-offset`, `too-large`, `full`, `checksum-mismatch`.
    """
    with cloud.sessions.sending(upload.upload_id, cut=cut) as sender:
        start = cloud.blobs.offset(upload.upload_id)
        if offset is not None and offset != start:
            message = f"the upload stands at {start} bytes, not at {offset}; go on from there"
            members = {"expected_offset": start, "provided_offset": offset}
            raise Problem("wrong-offset", message, members=members)
        writer = await cloud.run(_open_writer, cloud, upload, start, checksum)
        batch = bytearray()
        try:
            async for chunk in chunks:
                sender.heard()
                if not batch and len(chunk) >= BATCH_BYTES:
                    await cloud.run(writer.write, chunk)
                    continue
                batch += chunk
                if len(batch) >= BATCH_BYTES:
                    full, batch = batch, bytearray()
                    await cloud.run(writer.write, full)
            await cloud.run(writer.end, batch)
        except ClientDisconnect:
            await cloud.run(writer.break_off, batch)
            raise
        finally:
            writer.close()
            cloud.sessions.keep_hash(upload.upload_id, writer.offset, writer.running)
    if writer.offset < upload.size_bytes:
        await cloud.run(_keep_longer, cloud, upload)
    return writer.offset


async def finish(cloud: Cloud, upload: Upload) -> StoredObject:
    """Make a whole upload an object with a link; may be repeated.

    Raises:
        Problem: `not-finished`; `digest-mismatch`, and the upload is gone then.
    """
    if (done := _finished(cloud, upload)) is not None:
        return done
    with cloud.sessions.sending(upload.upload_id, cut=None):
        return await cloud.run(commit, cloud, upload)


def commit(cloud: Cloud, upload: Upload) -> StoredObject:
    """Verify, publish and enter an upload whose bytes are all here; blocks.

    The hash is kept until that is done: while the ledger cannot be written, no further try reads the file.
    """
    if (done := _finished(cloud, upload)) is not None:
        return done
    path = cloud.blobs.upload_path(upload.upload_id)
    offset = cloud.blobs.offset(upload.upload_id)
    if upload.size_bytes == 0:
        path.touch(mode=0o600)
    if offset != upload.size_bytes:
        message = f"{offset} of {upload.size_bytes} bytes are here; send the rest"
        raise Problem("not-finished", message, members={"offset": offset})
    running = cloud.sessions.take_hash(upload.upload_id, offset) or hash_file(path)
    sha256 = running.hexdigest()
    if upload.sha256 is not None and sha256 != upload.sha256:
        drop_upload(cloud, upload)
        message = f"the bytes have SHA-256 {sha256}, announced was {upload.sha256}; send them again"
        raise Problem("digest-mismatch", message, members={"sha256": sha256})
    cloud.sessions.keep_hash(upload.upload_id, offset, running)
    cloud.blobs.publish(upload.upload_id)
    stored = _enter(cloud, upload, sha256)
    cloud.sessions.take_hash(upload.upload_id, offset)
    if stored.blob != upload.upload_id:
        cloud.blobs.remove(upload.upload_id)
    return stored


def drop_upload(cloud: Cloud, upload: Upload) -> None:
    """Forget an unfinished upload and its bytes; its grant may be used again.

    The row decides against a commit that is under way: without it nothing is entered, and what has been
    entered keeps its bytes.  Only who sent them may drop published ones: they may belong to an object that
    was acknowledged, which an older ledger that was put back does not know; others enter them.
    """
    with cloud.ledger.transaction(durable=False) as connection:
        was_unfinished = _forget(connection, upload.upload_id)
    if was_unfinished:
        _discard(cloud, upload.upload_id)


def _forget(connection: sqlite3.Connection, upload_id: str) -> bool:
    """Delete a row; whether it was there and unfinished."""
    sql = "UPDATE grants SET upload_id = NULL WHERE upload_id = ? AND object_id IS NULL"
    connection.execute(sql, [upload_id])
    sql = "DELETE FROM uploads WHERE upload_id = ? RETURNING object_id"
    row = connection.execute(sql, [upload_id]).fetchone()
    return row is not None and row["object_id"] is None


def _discard(cloud: Cloud, upload_id: str) -> None:
    """Remove bytes wherever they are; in this order, because they may be published just now."""
    cloud.blobs.discard(upload_id)
    cloud.blobs.remove(upload_id)


def _free_grant(cloud: Cloud, grant_id: str) -> None:
    """Drop the unfinished upload of a grant: it has one at a time, and takes the space of one.

    One that is published stays, without its grant, until it is entered; see `drop_upload`.
    """
    sql = (
        "SELECT upload_id FROM uploads JOIN grants USING (upload_id)"
        " WHERE grants.grant_id = ? AND uploads.object_id IS NULL"
    )
    with cloud.ledger.transaction(durable=False) as connection:
        row = connection.execute(sql, [grant_id]).fetchone()
        if row is None:
            return
        older: str = row["upload_id"]
        if cloud.sessions.is_sending(older):
            message = "an earlier upload by this grant is being sent; try again in a moment"
            raise Problem("locked", message, headers={"Retry-After": "1"})
        if cloud.blobs.is_published(older):
            _part_from_grant(connection, older)
            return
        _forget(connection, older)
    _discard(cloud, older)


def _part_from_grant(connection: sqlite3.Connection, upload_id: str) -> None:
    connection.execute("UPDATE grants SET upload_id = NULL WHERE upload_id = ?", [upload_id])
    connection.execute("UPDATE uploads SET grant_id = NULL WHERE upload_id = ?", [upload_id])


def _require_newest(cloud: Cloud, upload: Upload) -> None:
    """Refuse bytes for an upload that a newer one by the same grant has replaced.

    It has a sender by now, and whoever frees the grant asks for that within a transaction, too.
    """
    with cloud.ledger.transaction(durable=False) as connection:
        sql = "SELECT 1 FROM grants WHERE upload_id = ?"
        if connection.execute(sql, [upload.upload_id]).fetchone() is None:
            raise Problem("not-found", "another upload by this grant has replaced this one")


def _open_writer(cloud: Cloud, upload: Upload, start: int, checksum: Checksum | None) -> Writer:
    if upload.grant_id is not None:
        _require_newest(cloud, upload)
    path = cloud.blobs.upload_path(upload.upload_id)
    running = cloud.sessions.take_hash(upload.upload_id, start) or hash_file(path)
    return Writer(path, size_bytes=upload.size_bytes, running=running, checksum=checksum)


def _keep_longer(cloud: Cloud, upload: Upload) -> None:
    """An upload that grows is kept as long from now as a new one."""
    with cloud.ledger.transaction(durable=False) as connection:
        sql = "UPDATE uploads SET expires_at = ? WHERE upload_id = ?"
        expires_at = cloud.now() + cloud.config.upload_keep_s
        connection.execute(sql, [expires_at, upload.upload_id])


def _take_space(
    cloud: Cloud, connection: sqlite3.Connection, announced: Announcement, *, now: float
) -> None:
    space = space_for(cloud.ledger, cloud.blobs, cloud.config, owner=announced.owner, now=now)
    if announced.reservation_id is not None:
        held = release(connection, announced.reservation_id, owner=announced.owner)
        if announced.size_bytes <= held:
            return
    require_space(announced.size_bytes, space, cloud.config)


def _bind_grant(connection: sqlite3.Connection, grant_id: str, upload_id: str) -> None:
    """A grant has one upload at a time; one that gave an object gives no other."""
    sql = (
        "UPDATE grants SET upload_id = ?"
        " WHERE grant_id = ? AND object_id IS NULL AND upload_id IS NULL"
    )
    if connection.execute(sql, [upload_id, grant_id]).rowcount != 1:
        message = "this grant has given an object, or begun another upload; ask for a new one"
        raise Problem("grant-used", message)


def _finished(cloud: Cloud, upload: Upload) -> StoredObject | None:
    current = find_upload(cloud, upload.upload_id)
    if current is None or current.object_id is None:
        return None
    return find_object(cloud.ledger, current.object_id)


def _enter(cloud: Cloud, upload: Upload, sha256: str) -> StoredObject:
    now = cloud.now()
    wish = Wish.from_json(upload.wish)
    new = NewObject(
        owner=upload.owner,
        key=upload.key,
        media_type=upload.media_type,
        blob=upload.upload_id,
        size_bytes=upload.size_bytes,
        sha256=sha256,
        expires_at=wish.expiry(now, max_keep_s=cloud.config.max_keep_s),
        password=wish.password,
        max_downloads=wish.max_downloads,
    )
    with cloud.ledger.transaction(durable=True) as connection:
        stored, orphan = commit_object(connection, new, now=now)
        if not cloud.blobs.is_whole(stored.blob, stored.size_bytes):
            orphan, stored = stored.blob, _heal(connection, stored, upload.upload_id)
        sql = "UPDATE uploads SET object_id = ? WHERE upload_id = ? AND object_id IS NULL"
        if connection.execute(sql, [stored.object_id, upload.upload_id]).rowcount != 1:
            message = "this upload was given up while it was being finished; begin a new one"
            raise Problem("not-found", message)
        if upload.grant_id is not None:
            _use_grant(connection, upload, stored)
    if orphan is not None:
        cloud.blobs.remove(orphan)
    return stored


def _heal(connection: sqlite3.Connection, stored: StoredObject, blob: str) -> StoredObject:
    """Bytes that the disk had lost came again: everything that referred to them has them back."""
    connection.execute("UPDATE objects SET blob = ? WHERE blob = ?", [blob, stored.blob])
    return replace(stored, blob=blob)


def _use_grant(connection: sqlite3.Connection, upload: Upload, stored: StoredObject) -> None:
    sql = (
        "UPDATE grants SET object_id = ? WHERE grant_id = ? AND upload_id = ? AND object_id IS NULL"
    )
    values = [stored.object_id, upload.grant_id, upload.upload_id]
    if connection.execute(sql, values).rowcount != 1:
        raise Problem("grant-used", "another upload by this grant came first")
