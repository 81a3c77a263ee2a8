"""SimCrate's contract suite against the directory backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from simcrate_directory import DirectoryBackend

from simcrate.storage import StorageBackend
from simcrate.storage.contract import Opener, StorageContract
from tests.servers.static_files import serving


class TestDirectoryBackend(StorageContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Iterator[Opener]:
        folder = tmp_path / "served"
        folder.mkdir()
        with serving(folder) as base_url:
            config = {"folder": str(folder), "base_url": base_url}
            yield lambda: DirectoryBackend(token=None, config=config)

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> StorageBackend:
        config = {"folder": str(tmp_path / "unmounted"), "base_url": "http://127.0.0.1:1"}
        return DirectoryBackend(token=None, config=config)

    @pytest.fixture
    def unauthorised(self) -> None:
        return None
