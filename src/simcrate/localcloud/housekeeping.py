"""What time does to the store: objects expire, unfinished uploads too, gravestones crumble.

Everything here goes by the ledger, never by what a directory or a file's time says, and may be
repeated.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.config import DAY_S
from simcrate.localcloud.objects import expired_objects
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.removal import remove_object
from simcrate.localcloud.uploads import Upload, commit, drop_upload, find_upload

INTERVAL_S = 30.0
GRAVESTONE_S = 90 * DAY_S  # a removed link answers 410 this long, 404 afterwards
DEAD_BLOBS = """
SELECT DISTINCT blob FROM objects AS grave WHERE removed_at <= ?
    AND NOT EXISTS (SELECT 1 FROM objects WHERE blob = grave.blob AND removed_at IS NULL)
"""
DEAD_GRANTS = """
DELETE FROM grants WHERE expires_at <= ?
    AND (upload_id IS NULL OR object_id IS NOT NULL)  -- an unfinished upload is entered with its grant
"""

log = logging.getLogger(__name__)


async def keep_tidy(cloud: Cloud) -> None:
    """Tidy up again and again, until cancelled."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await cloud.run(tidy, cloud)
        except Exception:  # the server goes on; the next round tries again
            log.exception("housekeeping.failed")


def tidy(cloud: Cloud) -> int:
    """One round; the number of objects that were removed.  Blocks.

    While blobs are set aside the ledger is an older one: what has expired by it may have been extended
    since, so its bytes stay.
    """
    removed = 0
    while (page := expired_objects(cloud.ledger, now=cloud.now())) and not _is_held_back(cloud):
        for stored in page:
            if remove_object(cloud, stored, why="expired"):
                cloud.audit.record("object.expired", stored=stored)
                removed += 1
    _drop_expired_uploads(cloud)
    clear_incoming(cloud)
    _forget_rows(cloud)
    return removed


def _is_held_back(cloud: Cloud) -> bool:
    """Whether blobs are set aside; said at each round that would remove something."""
    if lost := cloud.blobs.lost():
        place = str(cloud.blobs.lost_dir)
        log.warning("expiry.held_back", extra={"count": len(lost), "directory": place})
    return bool(lost)


def clear_incoming(cloud: Cloud) -> None:
    """Remove what no upload refers to: each has its row before its first byte."""
    for upload_id in cloud.blobs.incoming():
        if find_upload(cloud, upload_id) is None:
            cloud.blobs.discard(upload_id)


@contextmanager
def logging_failure(upload: Upload) -> Iterator[None]:
    """Finish one upload; the others are finished all the same."""
    try:
        yield
        log.info("upload.recovered", extra={"upload_id": upload.upload_id})
    except (Problem, OSError, sqlite3.Error) as error:
        log.warning(
            "upload.not_recovered",
            extra={"upload_id": upload.upload_id, "why": str(error)},
        )


def _drop_expired_uploads(cloud: Cloud) -> None:
    """Those that are published are entered instead, which a start could not do; see `drop_upload`."""
    sql = "SELECT * FROM uploads WHERE object_id IS NULL AND expires_at <= ?"
    for row in cloud.ledger.rows(sql, [cloud.now()]):
        upload = Upload(**dict(row))
        if cloud.sessions.is_sending(upload.upload_id):
            continue
        if not cloud.blobs.is_published(upload.upload_id):
            drop_upload(cloud, upload)
            continue
        with logging_failure(upload):
            commit(cloud, upload)


def _forget_rows(cloud: Cloud) -> None:
    now = cloud.now()
    for row in cloud.ledger.rows(DEAD_BLOBS, [now - GRAVESTONE_S]):
        cloud.blobs.remove(row["blob"])  # there only if its removal was cut short
    with cloud.ledger.transaction(durable=False) as connection:
        for sql, before in (
            ("DELETE FROM uploads WHERE object_id IS NOT NULL AND expires_at <= ?", now),
            ("DELETE FROM reservations WHERE expires_at <= ?", now),
            (DEAD_GRANTS, now - DAY_S),
            ("DELETE FROM objects WHERE removed_at <= ?", now - GRAVESTONE_S),
        ):
            connection.execute(sql, [before])
