"""Files that are not what they were: a crate holds what was recorded, or there is no crate."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simcrate.crate import CrateContents, Member, Provenance, Role, pack_crate
from simcrate.crate.deflate import BLOCK_BYTES
from simcrate.errors import CrateError

NAME = "results/Net-#0.vec"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "Net-#0.vec"
    path.write_bytes(os.urandom(30 * BLOCK_BYTES))
    return path


def contents_of(source: Path, sha256: str = "") -> CrateContents:
    member = Member(source=source, name=NAME, role=Role.RESULT, sha256=sha256)
    return CrateContents(members=(member,))


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(1, 1))


def cut(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [(overwrite, "it changed while it was packed"), (cut, "it became shorter")],
)
def test_file_that_changes_without_growing_is_refused(
    change: Callable[[Path], None], why: str, source: Path, provenance: Provenance, tmp_path: Path
) -> None:
    def change_in_the_middle(done: int, total: int) -> None:
        if 0 < done < total:
            change(source)

    with pytest.raises(CrateError, match=why):
        pack_crate(
            contents_of(source), provenance, tmp_path / "c.zip", progress=change_in_the_middle
        )
    assert not (tmp_path / "c.zip").exists()


def test_file_that_is_another_one_than_was_recorded_is_refused(
    source: Path, provenance: Provenance, tmp_path: Path
) -> None:
    with pytest.raises(CrateError, match="not what it was when it was recorded"):
        pack_crate(contents_of(source, sha256="00" * 32), provenance, tmp_path / "c.zip")
    assert not (tmp_path / "c.zip").exists()


def test_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(
    source: Path, provenance: Provenance, tmp_path: Path
) -> None:
    source.unlink()
    os.mkfifo(source)

    with pytest.raises(CrateError, match="no regular file"):
        pack_crate(contents_of(source), provenance, tmp_path / "c.zip")
