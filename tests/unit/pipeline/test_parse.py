"""What stands beside a result file under the name of its index may be anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simcrate.pipeline.collect import collect
from simcrate.pipeline.parse import parse
from simcrate.pipeline.watch import Watch
from simcrate.results import ResultSet

VECTORS = "version 3\nrun General-0\nvector 0 Net delay ETV\n0\t1\t0.5\t7\n"
INDEX = "file 1 1\nversion 3\n"


def parsed(directory: Path) -> ResultSet:
    results = parse([file.path for file in collect({0: directory}, Watch())], Watch())
    assert results.vectors().num_rows == 1
    return results


@pytest.fixture
def results(tmp_path: Path) -> Path:
    directory = tmp_path / "results"
    directory.mkdir()
    (directory / "a.vec").write_text(VECTORS)
    return directory


def test_an_index_among_the_results_is_looked_at(results: Path) -> None:
    (results / "a.vci").write_text(INDEX)

    assert "written for 1 bytes" in str(parsed(results).warnings)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()]
)
def test_an_index_that_is_no_file_is_not_opened(
    results: Path, make: Callable[[Path], None]
) -> None:
    make(results / "a.vci")

    assert not parsed(results).warnings


def test_an_index_that_links_out_of_the_results_is_not_read(results: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(INDEX)
    (results / "a.vci").symlink_to(tmp_path / "secret")

    assert "written for" not in str(parsed(results).warnings)
