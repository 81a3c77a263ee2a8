"""CSV time series of other simulators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcrate.errors import NoResults, ResultFormatError
from simcrate.results import content_digest, open_results
from tests.unit.results.conftest import bytes_read

TEXT = """\
# run R-1
# attr network "my net"
# itervar n 3
time,node[0]/delay [s],node[1]/rate [bit/s],x
0,1,2,
0.5,nan,,3
1.25,-inf,2.5,4
"""


def _write(directory: Path, text: str, name: str = "a.csv") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_columns_are_vectors_with_module_name_and_unit(tmp_path: Path) -> None:
    vectors = open_results([_write(tmp_path, TEXT)]).vectors()

    assert vectors["module"].to_pylist() == ["node[0]", "node[1]", ""]
    assert vectors["name"].to_pylist() == ["delay", "rate", "x"]
    assert vectors["unit"].to_pylist() == ["s", "bit/s", None]
    assert vectors["count"].to_pylist() == [3, 2, 2]
    assert vectors["nan_count"].to_pylist() == [1, 0, 0]


def test_comments_tell_about_the_run(tmp_path: Path) -> None:
    (run,) = open_results([_write(tmp_path, TEXT)]).runs

    assert run.id == "R-1"
    assert run.attributes == {"network": "my net"}
    assert run.itervars == {"n": "3"}


def test_without_comments_the_run_is_called_like_the_file(tmp_path: Path) -> None:
    (run,) = open_results([_write(tmp_path, "Time [s],x\n0,1\n", "seed-4.csv")]).runs

    assert run.id == "seed-4"


def test_an_empty_cell_is_no_sample_and_nan_is_one(tmp_path: Path) -> None:
    results = open_results([_write(tmp_path, TEXT)])

    assert results.read_vector(1)["time_s"].to_pylist() == [0.0, 1.25]
    assert [str(value) for value in results.read_vector(0)["value"].to_pylist()] == [
        "1.0",
        "nan",
        "-inf",
    ]


def test_the_same_series_has_the_same_digest_whatever_the_run_is_called(tmp_path: Path) -> None:
    one = _write(tmp_path, TEXT)
    other = _write(tmp_path, TEXT.replace("R-1", "R-2"), "b.csv")

    assert content_digest(open_results([one])) == content_digest(open_results([other]))


def test_a_cut_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    results = open_results([_write(tmp_path, TEXT + "2,1")])

    assert results.vectors()["last_time_s"].to_pylist() == [1.25, 1.25, 1.25]
    assert [reason.why for reason in results.incomplete] == ["its last line is cut off"]


def test_other_csv_files_are_no_results(tmp_path: Path) -> None:
    _write(tmp_path, "name,value\na,1\n")

    with pytest.raises(NoResults):
        open_results([tmp_path])


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("time,x\n0,1\n1\n", 3, "expected 2 cells, found 1"),
        ("time,x\n0,1\n1,2,3\n", 3, "expected 2 cells, found 3"),
        ("time,x\n0,one\n", 2, "expected a number, found 'one'"),
        ("time,x\n1,1\n0,1\n", 3, "times that never decrease, found '0' after 1"),
        ("time,x\n,1\n", 2, "expected a number, found ''"),
        ("time,x\nnan,1\n", 2, "times that never decrease"),
        ("time,x\n1e30,1\n", 2, "times that never decrease"),
        ("time,x,x\n0,1,1\n", 1, "a name for every column, each once"),
        ("time,\n0,1\n", 1, "a name for every column, each once"),
        ("# run\ntime,x\n0,1\n", 1, "2 tokens"),
    ],
)
def test_a_faulty_series_is_an_error_that_names_the_line(
    text: str, line: int, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(ResultFormatError, match=r"a\.csv") as caught:
        open_results([_write(tmp_path, text)]).vectors()

    assert caught.value.line == line
    assert expected in str(caught.value)


def _write_many_columns(directory: Path, columns: int, lines: int) -> Path:
    """Every cell holds the number of its column, but for one in ten, which are empty."""
    header = ",".join(["time", *(f"x{column}" for column in range(columns))])
    rows = (
        ",".join([str(line), *("" if (line + c) % 10 == 0 else str(c) for c in range(columns))])
        for line in range(lines)
    )
    return _write(directory, "\n".join([header, *rows, ""]))


@pytest.mark.parametrize(("columns", "lines"), [(30, 20), (1, 500_000)])
def test_columns_read_one_by_one_are_those_of_the_file_whatever_its_size(
    tmp_path: Path, columns: int, lines: int
) -> None:
    results = open_results([_write_many_columns(tmp_path, columns, lines)])

    for column in (*range(columns), 0):
        samples = results.read_vector(column)
        times = samples["time_s"].to_numpy()
        assert len(times) == lines - lines // 10
        assert not ((times + column) % 10 == 0).any()
        assert np.unique(samples["value"].to_numpy()).tolist() == [column]


def test_reading_column_by_column_reads_hardly_more_than_reading_all_at_once(
    tmp_path: Path,
) -> None:
    columns = 400
    results = open_results([_write_many_columns(tmp_path, columns, 500)])
    results.vectors()

    before = bytes_read()
    for _ in results.all_samples():
        pass
    at_once = bytes_read() - before
    for key in range(columns):
        results.read_vector(key)
    one_by_one = bytes_read() - before - at_once

    assert one_by_one < 8 * at_once  # going through the file for each would read 400 times as much
