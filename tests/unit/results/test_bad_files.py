"""Files that are not what their format says: an error that names file, line and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.errors import ResultFormatError
from simcrate.results import Kind, open_results
from simcrate.results.text import MAX_LINE_BYTES
from tests.unit.results.conftest import DATA, HEADER, WrittenVector, write_vec

SCALAR_FILES = [
    ("version 1\n", 1, "version 1, as OMNeT"),
    ("version 4\n", 1, "version 2 or 3, found '4'"),
    ("run R-0\n", 1, "`version 2` or `version 3` first"),
    ("\x00\x01\x02 binary\n", 1, "`version 2` or `version 3` first"),
    ("version 3\nscalar m n 1\n", 2, "`run ID` before"),
    ("version 3\nrun a\nrun a\n", 3, "every run once"),
    ("version 3\nattr a b\n", 2, "something that an `attr` line can describe"),
    (HEADER + "scalar m n\n", 6, "4 tokens"),
    (HEADER + "scalar m n 1 2\n", 6, "4 tokens"),
    (HEADER + "scalar m n one\n", 6, "a number, found 'one'"),
    (HEADER + "scalar m n 1_000\n", 6, "a number, found '1_000'"),
    (HEADER + 'scalar m "n 1\n', 6, "closing double quote"),
    (HEADER + 'scalar m "n"x 1\n', 6, "closing double quote"),
    (HEADER + "field mean 1\n", 6, "`statistic` line before"),
    (HEADER + "scalar m n 1\nbin\t0\t1\n", 7, "`statistic` line before"),
    (HEADER + "statistic m n\nfield count -1\n", 7, "count of observations"),
    (HEADER + "statistic m n\nfield count 1e300\n", 7, "count of observations"),
    (HEADER + "statistic m n\nbin\t1\t1\nbin\t0\t1\n", 8, "rising bin edges"),
    (HEADER + "statistic m n\nbin\tnan\t1\n", 7, "rising bin edges"),
    (HEADER + "gauge m n 1\n", 6, "scalar, statistic, field, bin, par or attr"),
]


@pytest.mark.parametrize(("text", "line", "expected"), SCALAR_FILES)
def test_a_faulty_scalar_file_is_an_error_that_names_the_line(
    text: str, line: int, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.sca"
    path.write_text(text)

    with pytest.raises(ResultFormatError, match=r"a\.sca") as caught:
        open_results([path]).scalars()

    assert caught.value.line == line
    assert expected in str(caught.value)


VECTOR = "vector 0 m n ETV\n"
VECTOR_FILES = [
    ("nothing of that kind\n", 1, "`version 2` or `version 3` first"),
    (HEADER + "vector 0 m\n", 6, "vector ID MODULE NAME COLUMNS"),
    (HEADER + "vector zero m n ETV\n", 6, "a whole number, found 'zero'"),
    (HEADER + "vector 0 m n EV\n", 6, "columns ETV or TV"),
    (HEADER + VECTOR + VECTOR, 7, "every vector number once"),
    (HEADER + "vector\t0 m n ETV\n1\t0\t0\t0\n", 7, "declared vectors, found vector 1"),
    (HEADER + VECTOR + "0\t1\t2\n", 7, "columns ETV of vector 0"),
    (HEADER + "vector 0 m n TV\n0\t1\t2\t3\n", 7, "columns TV of vector 0"),
    (HEADER + VECTOR + "0\t1\t1\t0\n0\t2\t0.5\t0\n", 8, "never decrease within vector 0"),
    (HEADER + VECTOR + "0\t1\tnan\t0\n", 7, "never decrease"),
    (HEADER + VECTOR + "0\t1\tinf\t0\n", 7, "never decrease"),
    (HEADER + VECTOR + "0\t1\t1\tx\n", 7, "a number, found 'x'"),
    (HEADER + VECTOR + "0\t1\t1\t\n", 7, "columns ETV"),
    (HEADER + VECTOR + "0\t1\t1\t1\t1\n", 7, "found 5 fields"),
    (HEADER + VECTOR + "0\t1\t1\t1\nscalar m n 1\n", 8, "data, vector or attr, found 'scalar'"),
    (HEADER + "0\t1\t1\t1\n" + VECTOR, 6, "the declaration of a vector before its data"),
]


@pytest.mark.parametrize(("text", "line", "expected"), VECTOR_FILES)
def test_a_faulty_vector_file_is_an_error_that_names_the_line(
    text: str, line: int, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.vec"
    path.write_text(text)

    with pytest.raises(ResultFormatError, match=r"a\.vec") as caught:
        open_results([path]).vectors()

    assert caught.value.line == line
    assert expected in str(caught.value)


def test_a_faulty_event_number_is_an_error_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    path.write_text(HEADER + VECTOR + "0\t1.5\t1\t1\n")

    with pytest.raises(ResultFormatError, match=r"line 7: expected a whole number, found '1\.5'"):
        open_results([path]).read_vector(0)


def test_a_fault_far_down_is_named_by_its_line(tmp_path: Path) -> None:
    samples = "".join(f"0\t{n}\t{n}\t1\n" for n in range(100_000))
    path = tmp_path / "a.vec"
    path.write_text(HEADER + VECTOR + samples + "0\t1\t2\n")

    with pytest.raises(ResultFormatError) as caught:
        open_results([path]).vectors()

    assert caught.value.line == 100_007


@pytest.mark.parametrize("suffix", ["sca", "vec"])
def test_text_that_is_not_utf_8_is_an_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(HEADER.encode() + b"attr title caf\xe9\n")

    with pytest.raises(ResultFormatError, match="expected UTF-8, found byte 0xe9") as caught:
        open_results([path]).vectors()

    assert caught.value.line == 6


@pytest.mark.parametrize("suffix", ["sca", "vec"])
@pytest.mark.parametrize("tail", ["", "\nmore\n"])
def test_a_gigantic_line_is_refused(suffix: str, tail: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_text(HEADER + "attr title " + "x" * (3 * MAX_LINE_BYTES) + tail)

    with pytest.raises(ResultFormatError, match="lines of at most"):
        open_results([path]).vectors()


@pytest.mark.parametrize("name", ["fifo-quoting", "fifo-noeventnumbers", "v2-histograms"])
def test_a_file_cut_anywhere_is_read_to_its_last_whole_line(name: str, tmp_path: Path) -> None:
    original = next((DATA / name).glob("*.vec")).read_bytes()[:20_000]
    path = tmp_path / "a.vec"
    for size in range(1, len(original), 997):
        path.write_bytes(original[:size])

        results = open_results([path])

        counted = sum(results.vectors()["count"].to_pylist())
        assert counted == sum(line[:1].isdigit() for line in original[:size].split(b"\n")[:-1])
        assert bool(results.incomplete) == (original[size - 1 : size] != b"\n")


def test_a_scalar_file_cut_within_a_line_is_read_and_said_to_be_incomplete() -> None:
    whole = open_results([DATA / "err-v2-finalization"])

    assert whole.scalars().num_rows > 0


def test_a_cut_number_is_not_taken_for_a_number(tmp_path: Path) -> None:
    path = tmp_path / "a.sca"
    path.write_text(HEADER + "scalar m a 1\nscalar m b 123")

    results = open_results([path])

    assert results.scalars()["name"].to_pylist() == ["a"]
    assert [reason.why for reason in results.incomplete] == ["its last line is cut off"]


@pytest.mark.parametrize("suffix", ["sca", "vec"])
def test_an_empty_file_is_incomplete(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{suffix}").touch()

    results = open_results([tmp_path])

    assert all(results.table(kind).num_rows == 0 for kind in Kind)
    assert [reason.why for reason in results.incomplete] == ["it is empty"]


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    vec = write_vec(tmp_path / "a.vec", [WrittenVector(samples=[(0, "0", 1.0), (1, "1", 2.0)])])
    results = open_results([vec])
    results.vectors()
    vec.write_bytes(vec.read_bytes()[:-4])

    with pytest.raises(ResultFormatError):
        results.read_vector(0)
