"""A directory backend that can be told to fail, and a crate to bring there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from simcrate_directory import DirectoryBackend

from simcrate.errors import StorageError
from simcrate.storage import (
    JSON,
    SaveResume,
    ShowProgress,
    Source,
    Space,
    StoredCrate,
)
from simcrate.storage.contract import make_source
from tests.servers.clocks import Clock


class FailingBackend(DirectoryBackend):
    """Raises the errors that it is given, one per call, then works."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            token=None, config={"folder": str(folder), "base_url": "http://127.0.0.1:1"}
        )
        self.errors: list[StorageError] = []
        self.fail_at_bytes: list[int] = []
        self.calls = 0
        self.resumed_from: list[JSON] = []

    def space(self) -> Space:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return super().space()

    def list_owned(self) -> Iterator[StoredCrate]:
        self.calls += 1
        for stored in super().list_owned():
            yield stored
            if self.errors:
                raise self.errors.pop(0)

    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        self.calls += 1
        self.resumed_from.append(resume)

        def fail(sent_bytes: int) -> None:
            progress(sent_bytes)
            if self.errors and sent_bytes >= self.fail_at_bytes[0]:
                self.fail_at_bytes.pop(0)
                raise self.errors.pop(0)

        return super().upload(source, name, resume=resume, save_resume=save_resume, progress=fail)


@pytest.fixture
def backend(tmp_path: Path) -> FailingBackend:
    (tmp_path / "served").mkdir()
    return FailingBackend(tmp_path / "served")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return make_source(tmp_path / "crate.zip", os.urandom(1 << 20))


@pytest.fixture
def clock() -> Clock:
    return Clock()
