"""Bytes on disk: unfinished uploads and finished blobs, in one file system.

    incoming/<upload id>     an unfinished upload; its size is the offset that clients are told
    blobs/<aa>/<upload id>   whole and verified; never written again
    lost/<upload id>         a blob that the ledger did not know at a start; never removed unasked

Publishing is a rename, with every flush that it takes to be there after a power cut.  What is in
`blobs` counts only once the ledger names it.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from simcrate.durable import flush

READ_BYTES = 1 << 20
LIBC = ctypes.CDLL(None)
SYNC_FILE_RANGE_WRITE = 2  # <linux/fs.h>: begin to write, wait for nothing
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
LOST_WRITES = {errno.EIO, *NO_SPACE}  # after such a flush the next one succeeds, without the bytes


class Hash(Protocol):
    """A running hash of `hashlib`."""

    def update(self, data: bytes | bytearray, /) -> None:
        """Take more bytes."""

    def copy(self) -> Hash:
        """The same state once more."""

    def hexdigest(self) -> str:
        """The digest so far."""


class BlobStore:
    """The files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._incoming_dir = folder / "incoming"
        self._blobs_dir = folder / "blobs"
        self.lost_dir = folder / "lost"
        self._flushed_dirs: set[Path] = set()
        for directory in (self._incoming_dir, self._blobs_dir):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def incoming_path(self, upload_id: str) -> Path:
        """Where an unfinished upload grows."""
        return self._incoming_dir / upload_id

    def blob_path(self, blob: str) -> Path:
        """Where a finished blob stands."""
        return self._blobs_dir / blob[:2] / blob

    def upload_path(self, upload_id: str) -> Path:
        """Where the bytes of an upload are, published already or not."""
        incoming, blob = self.incoming_path(upload_id), self.blob_path(upload_id)
        return blob if not incoming.exists() and blob.exists() else incoming

    def is_published(self, upload_id: str) -> bool:
        """Whether the bytes of an upload are whole, verified and on the disk."""
        return self.upload_path(upload_id) == self.blob_path(upload_id)

    def offset(self, upload_id: str) -> int:
        """Bytes of an unfinished upload that are here, published already or not; 0 without a file."""
        for path in (self.incoming_path(upload_id), self.blob_path(upload_id)):
            with suppress(FileNotFoundError):
                return path.stat().st_size
        return 0

    def publish(self, upload_id: str) -> None:
        """Make an unfinished upload a blob, durably; may be repeated."""
        source, target = self.upload_path(upload_id), self.blob_path(upload_id)
        try:
            flush(source)
        except OSError as error:
            if error.errno in LOST_WRITES:
                self.discard(upload_id)
            raise
        self._make_durable(target.parent)
        source.rename(target)
        flush(target.parent)
        flush(self._incoming_dir)

    def discard(self, upload_id: str) -> None:
        """Remove an unfinished upload, if it is there."""
        self.incoming_path(upload_id).unlink(missing_ok=True)

    def remove(self, blob: str) -> None:
        """Remove a blob, if it is there."""
        self.blob_path(blob).unlink(missing_ok=True)

    def set_aside(self, blob: str) -> None:
        """Keep a blob that the ledger does not know where nothing removes it."""
        self.lost_dir.mkdir(mode=0o700, exist_ok=True)
        self.blob_path(blob).rename(self.lost_dir / blob)

    def bring_back(self, blob: str) -> None:
        """Make a blob of what was set aside again, durably."""
        target = self.blob_path(blob)
        self._make_durable(target.parent)
        (self.lost_dir / blob).rename(target)
        flush(target.parent)

    def is_whole(self, blob: str, size_bytes: int) -> bool:
        """Whether a blob is there with this size."""
        try:
            return self.blob_path(blob).stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def blobs(self) -> Iterator[str]:
        """The names of all blobs on disk."""
        for directory in sorted(self._blobs_dir.glob("*/")):
            names = sorted(path.name for path in directory.iterdir())
            yield from (name for name in names if name.startswith(directory.name))

    def lost(self) -> dict[str, int]:
        """What was set aside, and how many bytes each has."""
        return {path.name: path.stat().st_size for path in sorted(self.lost_dir.glob("*"))}

    def incoming(self) -> Iterator[str]:
        """The ids of all unfinished uploads on disk."""
        yield from sorted(path.name for path in self._incoming_dir.iterdir())

    def free_bytes(self) -> int:
        """Free space for this process on the disk."""
        status = os.statvfs(self._incoming_dir)
        return status.f_bavail * status.f_frsize

    def _make_durable(self, directory: Path) -> None:
        """Make a directory of blobs; one that is there may not have reached the disk before a death."""
        if directory not in self._flushed_dirs:
            directory.mkdir(mode=0o700, exist_ok=True)
            flush(self._blobs_dir)
            self._flushed_dirs.add(directory)


def hash_file(path: Path) -> Hash:
    """The running SHA-256 of a whole file; an absent file is empty."""
    digest = hashlib.sha256()
    if path.exists():
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
    return digest


def begin_flush(descriptor: int, start: int, end: int) -> None:
    """Let the disk begin with some bytes of a file, so that `flush` has less to wait for.

    Source: sync_file_range(2); where there is no such call, nothing happens.
    """
    call = getattr(LIBC, "sync_file_range", None)
    if call is not None:
        call(descriptor, ctypes.c_int64(start), ctypes.c_int64(end - start), SYNC_FILE_RANGE_WRITE)
