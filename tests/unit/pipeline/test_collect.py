from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from simcrate.errors import NoResults
from simcrate.pipeline.collect import collect
from simcrate.pipeline.watch import Watch


def test_every_file_is_listed_with_size_and_digest(tmp_path: Path) -> None:
    (tmp_path / "1" / "sub").mkdir(parents=True)
    (tmp_path / "1" / "sub" / "a.vec").write_bytes(b"abc")

    (file,) = collect({1: tmp_path / "1"}, Watch())

    assert (file.run_number, file.name, file.size_bytes) == (1, "sub/a.vec", 3)
    assert file.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_links_and_pipes_are_no_results(tmp_path: Path) -> None:
    (tmp_path / "a.sca").write_text("version 3\n")
    (tmp_path / "b.sca").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "c.sca")

    assert [file.name for file in collect({0: tmp_path}, Watch())] == ["a.sca"]


def test_a_link_in_the_place_of_the_results_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "field-keys").write_text("secret")
    (tmp_path / "results").symlink_to("secrets")

    with pytest.raises(NoResults):
        collect({0: tmp_path / "results"}, Watch())


def test_a_file_counts_once_whatever_links_stand_for_it(tmp_path: Path) -> None:
    (tmp_path / "a.sca").write_text("version 3\n")
    (tmp_path / "b.sca").symlink_to("a.sca")

    assert [file.name for file in collect({0: tmp_path}, Watch())] == ["a.sca"]


def test_runs_without_files_are_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(NoResults, match="no result files"):
        collect({0: tmp_path / "missing"}, Watch())
