"""What counts as written has its bytes on the disk, and its name, before anybody is told.

Nobody can cut the power in a test: what was brought to the disk is what `fsync` was called for.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, Provenance, pack_crate
from simcrate.delivery import open_ledger
from simcrate.localcloud.blobs import BlobStore


class Disk:
    """The sizes of files and the names in directories that reached it, by inode."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._names: dict[int, set[str]] = {}

    def fsync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = set(os.listdir(descriptor))
        else:
            self._sizes[status.st_ino] = status.st_size

    def has(self, path: Path) -> bool:
        """Its bytes, and its name."""
        names = self._names.get(path.parent.stat().st_ino, set())
        status = path.stat()
        is_whole = path.is_dir() or self._sizes.get(status.st_ino) == status.st_size
        return is_whole and path.name in names


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


def pack(directory: Path) -> Path:
    provenance = Provenance(title="t", description="", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    return pack_crate(CrateContents(members=()), provenance, directory / "crate.zip").path


def begin_ledger(directory: Path) -> Path:
    with open_ledger(
        directory / "crate.zip",
        delivery_id=uuid.UUID(int=1),
        size_bytes=1,
        sha256="ab" * 32,
        keep_days=7,
    ) as ledger:
        ledger.uploading()
    return ledger.path


def publish(directory: Path) -> Path:
    blobs = BlobStore(directory)
    blobs.incoming_path("ab12").write_bytes(b"a crate")
    blobs.publish("ab12")
    return blobs.blob_path("ab12")


@pytest.mark.parametrize("write", [pack, begin_ledger, publish])
def test_what_was_written_outlasts_a_power_cut(
    write: Callable[[Path], Path], tmp_path: Path, disk: Disk
) -> None:
    path = write(tmp_path)

    assert disk.has(path)


def test_the_first_blob_of_its_directory_outlasts_a_power_cut(tmp_path: Path, disk: Disk) -> None:
    assert disk.has(publish(tmp_path).parent)
