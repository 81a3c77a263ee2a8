"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from simcrate.durable import replace_file, replacing


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "facts.json"
    target.write_text("before")

    replace_file(target, b"after")

    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


def test_until_the_end_the_old_content_stands_and_a_failure_keeps_it(tmp_path: Path) -> None:
    target = tmp_path / "facts.json"
    target.write_text("before")

    with suppress(KeyError), replacing(target) as stream:
        stream.write(b"half")
        stream.flush()
        assert target.read_text() == "before"
        raise KeyError

    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("mode", "made"), [(0o666, 0o640), (0o600, 0o600)])
def test_the_mode_is_there_from_the_first_byte_on(tmp_path: Path, mode: int, made: int) -> None:
    os.umask(0o027)

    with replacing(tmp_path / "secret", mode=mode):
        (beside,) = tmp_path.iterdir()
        assert stat.S_IMODE(beside.stat().st_mode) == made
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == made


def test_two_writers_at_once_leave_the_one_that_was_last(tmp_path: Path) -> None:
    target = tmp_path / "facts.json"

    with replacing(target) as first, replacing(target) as second:
        first.write(b"first")
        second.write(b"second")

    assert target.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [target]
