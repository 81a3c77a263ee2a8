"""Disk and ledger agree again: once at start, before the first request.

A death between a blob's rename and its row leaves a blob that nobody refers to: the upload takes it
back, and is finished.  After a death of the *machine* an unfinished upload may hold bytes that never
reached the disk: only those that announced a digest, which is compared at the end, are gone on with.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.uploads import Upload, drop_upload, find_upload, finish

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logging.getLogger(__name__)


def recover(cloud: Cloud) -> None:
    """Clear up what a death left behind."""
    _clear_blobs(cloud)
    _clear_incoming(cloud)
    if _machine_died(cloud.config.folder):
        _drop_unproven(cloud)
    _report_missing(cloud)


async def finish_whole(cloud: Cloud) -> None:
    """Commit every upload whose bytes are all here; takes as long as hashing them does."""
    for upload in _unfinished(cloud):
        whole = cloud.blobs.offset(upload.upload_id) == upload.size_bytes
        if not whole or upload.concat or cloud.sessions.is_sending(upload.upload_id):
            continue
        try:
            await finish(cloud, upload)
            log.info("upload.recovered", extra={"upload_id": upload.upload_id})
        except Problem as problem:
            log.warning("upload.not_recovered: %s", problem)


def mark_clean(folder: Path) -> None:
    """Everything that was written is on the disk; the machine may die."""
    os.sync()
    (folder / "boot").unlink(missing_ok=True)


def _clear_blobs(cloud: Cloud) -> None:
    sql = "SELECT DISTINCT blob FROM objects WHERE removed_at IS NULL"
    referred = {row["blob"] for row in cloud.ledger.rows(sql)}
    for blob in cloud.blobs.blobs():
        if blob in referred:
            continue
        upload = find_upload(cloud, blob)
        if upload is not None and upload.object_id is None:
            cloud.blobs.take_back(blob)
        else:
            cloud.blobs.remove(blob)


def _clear_incoming(cloud: Cloud) -> None:
    for upload_id in cloud.blobs.incoming():
        if find_upload(cloud, upload_id) is None:
            cloud.blobs.discard(upload_id)


def _machine_died(folder: Path) -> bool:
    """Whether the machine was started anew without a clean stop of this server."""
    marker, now = folder / "boot", BOOT_ID.read_text() if BOOT_ID.exists() else ""
    died = marker.exists() and marker.read_text() != now
    marker.write_text(now)
    return died


def _drop_unproven(cloud: Cloud) -> None:
    for upload in _unfinished(cloud):
        if upload.sha256 is None:
            drop_upload(cloud, upload)


def _report_missing(cloud: Cloud) -> None:
    sql = "SELECT object_id, blob, size_bytes FROM objects WHERE removed_at IS NULL"
    for row in cloud.ledger.rows(sql):
        if not cloud.blobs.is_whole(row["blob"], row["size_bytes"]):
            log.error("object.blob_missing", extra={"object_id": row["object_id"]})


def _unfinished(cloud: Cloud) -> list[Upload]:
    rows = cloud.ledger.rows("SELECT * FROM uploads WHERE object_id IS NULL ORDER BY created_at")
    return [Upload(**dict(row)) for row in rows]
