"""What a storage backend says that it holds after an upload is compared before anything counts on it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simcrate_directory import DirectoryBackend

from simcrate.delivery import DeliveryRecord, DeliveryState, FileLedger, deliver, open_ledger
from simcrate.storage import StoredCrate

CONTENT = b"a crate" * 1000


class OddBackend(DirectoryBackend):
    """Says of a file something else than was stored."""

    odd: dict[str, Any]

    def stat(self, stored: StoredCrate) -> StoredCrate:
        return replace(super().stat(stored), **self.odd)


@pytest.fixture
def crate_path(tmp_path: Path) -> Path:
    path = tmp_path / "spool" / "1" / "results.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def ledger(crate_path: Path) -> Iterator[FileLedger]:
    with open_ledger(
        crate_path,
        delivery_id=uuid.UUID(int=1),
        size_bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        keep_days=7,
    ) as ledger:
        yield ledger


@pytest.fixture
def backend(tmp_path: Path) -> OddBackend:
    folder = tmp_path / "cloud"
    folder.mkdir()
    return OddBackend(token="", config={"folder": str(folder), "base_url": "http://files.example"})


@pytest.mark.parametrize("odd", [{"size_bytes": len(CONTENT) - 1}, {"digest": "sha256:00"}])
def test_what_is_not_what_was_stored_gets_no_link_and_is_not_announced(
    odd: dict[str, Any], ledger: FileLedger, backend: OddBackend, crate_path: Path
) -> None:
    announced: list[DeliveryRecord] = []
    backend.odd = odd
    record = deliver(ledger, lambda: backend, announced.append)

    assert record.state is DeliveryState.WAITING
    assert "or another digest" in record.error
    assert (record.link, announced) == (None, [])
    assert crate_path.exists()

    backend.odd = {}
    assert deliver(ledger, lambda: backend, announced.append).state is DeliveryState.ANNOUNCED
