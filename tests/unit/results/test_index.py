"""The `.vci` index: believed when it is right, made anew when it is not, never written."""

from __future__ import annotations

import math
import os
import re
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from simcrate.errors import ResultFormatError
from simcrate.results import ResultSet, open_results
from simcrate.results.blocks import Blocks, summarise
from simcrate.results.vectorfile import VectorFile
from tests.unit.results.conftest import DATA, FreshCopy, WrittenVector, write_vec

SETS = ["small-routing", "ops-tiny", "ops6-tiny", "fifo-noeventnumbers", "v2-histograms"]


def _vec(directory: Path) -> Path:
    (path,) = directory.glob("*.vec")
    return path


def _edit_index(directory: Path, edit: tuple[str, str]) -> None:
    path = _vec(directory).with_suffix(".vci")
    text, count = re.subn(edit[0], edit[1], path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def _vectors(directory: Path, *, use_index: bool = True) -> pa.Table:
    return open_results([directory], use_index=use_index).vectors()


def _assert_close(ours: pa.Table, scanned: pa.Table) -> None:
    for name in ours.column_names:
        if name in ("mean", "stddev"):
            a, b = (table[name].to_numpy(zero_copy_only=False) for table in (ours, scanned))
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        elif name != "nan_count":
            assert ours[name].equals(scanned[name]), name


@pytest.mark.parametrize("name", SETS)
def test_summaries_from_the_index_are_those_of_the_data(name: str, fresh_copy: FreshCopy) -> None:
    directory = fresh_copy(name)
    results = open_results([directory])

    _assert_close(results.vectors(), _vectors(directory, use_index=False))
    assert results.warnings == ()


@pytest.mark.parametrize("name", SETS)
def test_a_stale_index_that_fits_is_used_and_said(name: str) -> None:
    results = open_results([DATA / name])

    _assert_close(results.vectors(), _vectors(DATA / name, use_index=False))
    (warning,) = results.warnings
    assert "another time than the data" in warning


def test_nan_counts_are_known_where_the_index_can_tell(fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("ops-tiny")
    by_index = _vectors(directory)["nan_count"].to_pylist()
    by_data = _vectors(directory, use_index=False)["nan_count"].to_pylist()

    assert [a for a in by_index if a is not None] == [
        b for a, b in zip(by_index, by_data, strict=True) if a is not None
    ]
    assert None in by_index
    assert sum(by_data) > 0


def test_a_missing_index_is_made_in_memory(fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("small-routing")
    expected = _vectors(directory)
    _vec(directory).with_suffix(".vci").unlink()

    results = open_results([directory])

    _assert_close(results.vectors(), expected)
    assert "there is none" in results.warnings[0]
    assert not _vec(directory).with_suffix(".vci").exists()


def test_nothing_is_written_beside_the_data(tmp_path: Path) -> None:
    shutil.copytree(DATA / "ops-tiny", tmp_path / "set")
    (tmp_path / "set").chmod(0o555)
    before = sorted((tmp_path / "set").iterdir())

    results = open_results([tmp_path / "set"])
    results.vectors()
    list(results.all_samples())

    assert sorted((tmp_path / "set").iterdir()) == before
    (tmp_path / "set").chmod(0o755)


def test_an_index_with_fewer_vectors_loses_none(fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("small-routing")
    expected = _vectors(directory)
    path = _vec(directory).with_suffix(".vci")
    lines = path.read_text().splitlines(keepends=True)
    with_samples = {line.split("\t")[0] for line in lines if line[0].isdigit()}
    kept = [
        line
        for line in lines
        if not line.startswith(("vector", "attr")) or line.split()[1] in with_samples
    ]
    path.write_text("".join(kept))

    results = open_results([directory])

    assert results.vectors().num_rows == expected.num_rows == 90
    assert results.warnings == ()


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ((r"^file \d+", "file 12345"), "written for 12345 bytes"),
        ((r"^file .*$", "file of another kind"), "first line is not"),
        ((r"^version 3", "version 9"), "second line is not"),
        ((r"^0\t.*\n", ""), "leaves out samples"),
        ((r"^(0\t\d+) \d+", r"\1 60000"), "overlap"),
        ((r"^0\t(\d+)", r"0\t99999999"), "the data end at"),
        ((r"^0\t", "3\t"), "times of a vector's blocks decrease"),
        ((r"^(0\t\d+ \d+ \d+ \d+) \S+", r"\1 0.25"), "not those that it says"),
        ((r"^(0\t(?:\S+ ){6})\S+", r"\g<1>0"), "cannot be true"),
        ((r"^(0\t(?:\S+ ){7})(\S+) (\S+)", r"\1\2 -\3"), "cannot be true"),
        ((r"^(0\t(?:\S+ ){9})\S+", r"\g<1>1e9"), "cannot be true"),
        ((r"^(0\t.*) \S+$", r"\1"), "wrong number of fields"),
        ((r"^0\t\d+", "0\tmany"), "no number"),
        ((r"^0\t", "77\t"), "not declared"),
    ],
)
def test_a_wrong_index_is_not_used(edit: tuple[str, str], why: str, fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("fifo-intervals")
    expected = _vectors(directory)
    _edit_index(directory, edit)

    results = open_results([directory])

    _assert_close(results.vectors(), expected)
    (warning,) = results.warnings
    assert why in warning


def test_a_lying_sum_is_found_where_blocks_are_counted(fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("fifo-quoting")
    path = next(directory.glob("*.vci"))
    lines = path.read_text().splitlines(keepends=True)
    shortest = min(
        (line for line in lines if line[0].isdigit()), key=lambda line: int(line.split()[2])
    )
    *fields, total, squares = shortest.split()
    lie = f"{fields[0]}\t{' '.join(fields[1:])} {float(total) * 1.0001!r} {squares}\n"
    path.write_text("".join(lie if line == shortest else line for line in lines))

    (warning,) = open_results([path.with_suffix(".vec")]).warnings

    assert "not those of the data" in warning


def _with_a_lie_in_its_last_block(directory: Path) -> Path:
    """An index that says 9 of 10 samples of a block that is not among the first few that are counted."""
    samples = [(n, str(n), 1.0) for n in range(40)]
    vec = write_vec(directory / "a.vec", [WrittenVector(samples=samples)], block=10)
    index = vec.with_suffix(".vci")
    lines = index.read_text().splitlines(keepends=True)
    fields = lines[-1].split()  # of equally long blocks in a part of the file the first is counted
    assert fields[7] == "10"
    fields[7], fields[10] = "9", "9.0"
    lines[-1] = f"{fields[0]}\t{' '.join(fields[1:])}\n"
    index.write_text("".join(lines))
    return vec


def test_a_lie_that_was_not_counted_is_an_error_when_the_vector_is_read(tmp_path: Path) -> None:
    results = open_results([_with_a_lie_in_its_last_block(tmp_path)])
    assert results.warnings == ()
    assert results.vectors()["count"].to_pylist() == [39]

    with pytest.raises(ResultFormatError, match="has 39 samples, the data have 40"):
        results.read_vector(0)


def test_more_blocks_are_counted_of_an_index_that_is_of_another_time(tmp_path: Path) -> None:
    vec = _with_a_lie_in_its_last_block(tmp_path)
    os.utime(vec, (1, 1))
    results = open_results([vec])

    assert "not those of the data" in results.warnings[0]
    assert results.vectors()["count"].to_pylist() == [40]


def test_extremes_that_the_simulator_lost_to_a_nan_are_those_of_the_data(tmp_path: Path) -> None:
    values = (math.nan, 3.0, 1.0)
    samples = [(n, str(n), value) for n, value in enumerate(values)]
    vec = write_vec(tmp_path / "a.vec", [WrittenVector(samples=samples)], block=10)
    index = vec.with_suffix(".vci")
    *lines, block = index.read_text().splitlines(keepends=True)
    fields = block.split()
    lost = f"{fields[0]}\t{' '.join(fields[1:8])} nan nan nan nan\n"
    index.write_text("".join([*lines, lost]))
    results = open_results([vec])

    assert results.warnings == ()
    assert results.vectors().select(["min", "max"]).to_pylist() == [{"min": 1.0, "max": 3.0}]


def test_a_changed_file_is_noticed_though_size_and_times_fit(fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("fifo-intervals")
    path = _vec(directory)
    status = path.stat()
    lines = path.read_bytes().splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line[:1].isdigit())
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    path.write_bytes(b"".join(lines))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(ResultFormatError, match="never decrease"):
        open_results([directory]).vectors()


def test_a_killed_run_is_read_to_its_last_whole_line_and_said_to_be_incomplete(
    fresh_copy: FreshCopy,
) -> None:
    directory = fresh_copy("fifo-intervals")
    path = _vec(directory)
    index = path.with_suffix(".vci").read_bytes().splitlines(keepends=True)
    path.with_suffix(".vci").write_bytes(b" " * 64 + b"\n" + b"".join(index[1:-2]))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])

    results = open_results([path])

    samples = [line for line in whole.split(b"\n") if line[:1].isdigit()]
    assert sum(results.vectors()["count"].to_pylist()) == len(samples) - 1
    reasons = [reason.why for reason in results.incomplete]
    assert reasons == [
        "its last line is cut off",
        "its index is still open: the run goes on or was killed",
    ]
    assert results.incomplete[0].run == results.runs[0].id


def test_samples_behind_the_last_block_of_an_open_index_are_found(tmp_path: Path) -> None:
    samples = [(n, str(n), float(n)) for n in range(9)]
    vec = write_vec(tmp_path / "a.vec", [WrittenVector(samples=samples)], block=3)
    index = vec.with_suffix(".vci")
    _, *lines = index.read_text().splitlines(keepends=True)
    index.write_text(" " * 64 + "\n" + "".join(lines[:-1]))

    results = open_results([vec])

    assert results.vectors()["count"].to_pylist() == [9]
    assert results.read_vector(0)["value"].to_pylist() == [float(n) for n in range(9)]
    assert results.warnings == ()


def test_joined_blocks_are_the_block_of_all_their_samples() -> None:
    times = np.arange(9.0)
    values = np.array([3.0, np.nan, -1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])

    def block(first: int, last: int) -> Blocks:
        rows, lines = np.zeros(last - first, np.int64), np.arange(first, last)
        return summarise(
            rows, times[first:last], values[first:last], offsets=lines, lengths=np.ones_like(lines)
        )

    joined = Blocks.concatenate([block(0, 4), block(4, 9)]).joined()

    for column in fields(Blocks):
        np.testing.assert_equal(getattr(joined, column.name), getattr(block(0, 9), column.name))


def test_finely_mixed_vectors_have_one_block_per_chunk_of_the_file(tmp_path: Path) -> None:
    vectors = [
        WrittenVector(samples=[(n, f"{n}.{k}", n + k / 10) for n in range(500)]) for k in range(3)
    ]
    vec = write_vec(tmp_path / "a.vec", vectors, block=1)
    vec.with_suffix(".vci").unlink()

    file = VectorFile(vec)
    results = ResultSet([file])

    assert isinstance(file._content.blocks, Blocks)
    assert len(file._content.blocks) == 3
    for k in range(3):
        assert results.read_vector(k)["value"].to_pylist() == [n + k / 10 for n in range(500)]
