from __future__ import annotations

import os
from pathlib import Path
from threading import Barrier

import pytest

from simcrate.durable import flush_all


def test_files_and_the_directories_on_the_way_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[str] = set()

    def fsync(descriptor: int) -> None:
        flushed.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    flush_all((tmp_path / "a" / "b" / "file",), below=tmp_path / "a")

    assert flushed == {"a", "b", "file"}


def test_files_are_flushed_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(4, timeout=10)
    monkeypatch.setattr(os, "fsync", lambda _: together.wait())
    files = [tmp_path / str(number) for number in range(3)]
    for file in files:
        file.touch()
    flush_all(files, below=tmp_path)

    assert not together.broken


def test_what_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flush_all((tmp_path / "gone",), below=tmp_path)
