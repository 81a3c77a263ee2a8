"""Disk and ledger agree again: once at start, before the first request.

A death between a blob's rename and its row leaves a blob whose upload is unfinished: it is finished
before anybody can give it up, for a ledger that was put back may be older than the answer.  A death in
mid-removal leaves a blob of which the ledger says that it is over: it is removed.  A blob that the
ledger does not know at all came after it: an older ledger was put back.  It is set aside, and comes
back with a ledger that names it.

After a death of the *machine* an unfinished upload may hold bytes that never reached the disk: only
those that announced a digest, which is compared at the end, and those that were published, which are
flushed first, are gone on with.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from simcrate.durable import flush
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.housekeeping import clear_incoming, logging_failure
from simcrate.localcloud.uploads import Upload, commit, drop_upload, finish

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logging.getLogger(__name__)


def recover(cloud: Cloud) -> None:
    """Clear up what a death left behind."""
    _sort_blobs(cloud)
    clear_incoming(cloud)
    for upload in _unfinished(cloud):
        if cloud.blobs.is_published(upload.upload_id):
            with logging_failure(upload):
                commit(cloud, upload)
    if _machine_died(cloud.config.folder):
        _drop_unproven(cloud)
    _report_lost(cloud)
    _report_missing(cloud)


async def finish_whole(cloud: Cloud) -> None:
    """Commit every upload whose bytes are all here; takes as long as hashing them does."""
    for upload in _unfinished(cloud):
        whole = cloud.blobs.offset(upload.upload_id) == upload.size_bytes
        if not whole or upload.is_part or cloud.sessions.is_sending(upload.upload_id):
            continue
        with logging_failure(upload):
            await finish(cloud, upload)


def mark_clean(folder: Path) -> None:
    """Everything that was written is on the disk; the machine may die."""
    os.sync()
    (folder / "boot").unlink(missing_ok=True)


def _sort_blobs(cloud: Cloud) -> None:
    """Keep what the ledger wants, remove what it knows to be over, set aside what it does not know."""
    rows = cloud.ledger.rows(
        "SELECT blob, removed_at IS NULL AS wanted FROM objects"
        " UNION SELECT upload_id, object_id IS NULL FROM uploads"  # what a blob of it is called
    )
    known = {row["blob"] for row in rows}
    wanted = {row["blob"] for row in rows if row["wanted"]}
    for blob in cloud.blobs.lost():
        if blob in known:
            cloud.blobs.bring_back(blob)
    for blob in cloud.blobs.blobs():
        if blob not in known:
            cloud.blobs.set_aside(blob)
        elif blob not in wanted:
            cloud.blobs.remove(blob)


def _machine_died(folder: Path) -> bool:
    """Whether the machine was started anew without a clean stop of this server."""
    marker, now = folder / "boot", BOOT_ID.read_text() if BOOT_ID.exists() else ""
    died = marker.exists() and marker.read_text() != now
    marker.write_text(now)
    flush(marker)
    flush(folder)
    return died


def _drop_unproven(cloud: Cloud) -> None:
    for upload in _unfinished(cloud):
        if upload.sha256 is None and not cloud.blobs.is_published(upload.upload_id):
            drop_upload(cloud, upload)


def _report_lost(cloud: Cloud) -> None:
    if lost := cloud.blobs.lost():
        size_bytes, place = sum(lost.values()), str(cloud.blobs.lost_dir)
        log.error(
            "blobs.lost",
            extra={"count": len(lost), "size_bytes": size_bytes, "directory": place},
        )


def _report_missing(cloud: Cloud) -> None:
    sql = "SELECT object_id, blob, size_bytes FROM objects WHERE removed_at IS NULL"
    for row in cloud.ledger.rows(sql):
        if not cloud.blobs.is_whole(row["blob"], row["size_bytes"]):
            log.error("object.blob_missing", extra={"object_id": row["object_id"]})


def _unfinished(cloud: Cloud) -> list[Upload]:
    rows = cloud.ledger.rows("SELECT * FROM uploads WHERE object_id IS NULL ORDER BY created_at")
    return [Upload(**dict(row)) for row in rows]
