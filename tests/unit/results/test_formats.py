"""The text formats of every version: headers, items, data lines."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import pytest

from simcrate.results import ResultSet, open_results
from tests.unit.results.conftest import HEADER


def _open(directory: Path, text: str, suffix: str = "sca") -> ResultSet:
    path = directory / f"a.{suffix}"
    path.write_bytes(text.encode())
    return open_results([path])


def test_iteration_variables_of_versions_before_5_1_are_found_among_the_attributes(
    tmp_path: Path,
) -> None:
    text = 'version 2\nrun R\nattr iterationvars  "$n=3, $rate=2"\nattr n  3\nattr rate  2\nattr x  y\n'

    (run,) = _open(tmp_path, text).runs

    assert run.itervars == {"n": "3", "rate": "2"}
    assert run.attributes == {"iterationvars": "$n=3, $rate=2", "x": "y"}


def test_parameter_assignments_of_version_2_are_ini_entries_and_keys_may_repeat(
    tmp_path: Path,
) -> None:
    text = "version 2\nrun R\nparam **.n 3\nparam **.n 4\n"

    results = _open(tmp_path, text + "scalar m s 1\n")

    assert results.runs[0].config == (("**.n", "3"), ("**.n", "4"))
    assert results.scalars("config:**.n=~3").num_rows == 1


def test_several_runs_in_a_file_keep_their_items_apart(tmp_path: Path) -> None:
    text = "version 3\nrun A\nscalar m x 1\nrun B\nattr configname C\nscalar m x 2\n"

    results = _open(tmp_path, text)

    assert [run.id for run in results.runs] == ["A", "B"]
    assert results.scalars("run=~B")["value"].to_pylist() == [2.0]
    assert results.runs[1].config_name == "C"


def test_attributes_belong_to_what_stands_before_them(tmp_path: Path) -> None:
    text = HEADER + "scalar m a 1\nattr unit s\npar m p 2\nattr unit m\nscalar m b 1\n"

    results = _open(tmp_path, text)

    assert results.scalars()["unit"].to_pylist() == ["s", None]
    assert results.parameters()["unit"].to_pylist() == ["m"]


def test_a_weighted_statistic_gives_its_weighted_sums(tmp_path: Path) -> None:
    fields = "field count 2\nfield weights 4\nfield weightedSum 6\nfield weightedSqrSum 10\n"

    (row,) = _open(tmp_path, HEADER + "statistic m w\n" + fields).statistics().to_pylist()

    assert (row["weighted"], row["count"], row["sum_weights"]) == (True, 2, 4.0)
    assert (row["sum"], row["sqrsum"], row["mean"]) == (6.0, 10.0, 1.5)
    assert math.isnan(row["stddev"])


def test_mean_and_deviation_that_are_not_recorded_are_computed(tmp_path: Path) -> None:
    fields = "field count 2\nfield sum 4\nfield sqrsum 10\n"

    (row,) = _open(tmp_path, HEADER + "statistic m s\n" + fields).statistics().to_pylist()

    assert row["mean"] == 2.0
    assert row["stddev"] == pytest.approx(math.sqrt(2))
    assert math.isnan(row["min"])


def test_a_histogram_has_under_and_overflow_and_equal_edges_are_one_bin(tmp_path: Path) -> None:
    bins = "bin\t-inf\t1\nbin\t0\t2\nbin\t0\t3\nbin\t1\t4.5\nbin\t2\t6\n"

    (row,) = _open(tmp_path, HEADER + "statistic m h\n" + bins).histograms().to_pylist()

    assert row["edges"] == [0.0, 1.0, 2.0]
    assert row["values"] == [5.0, 4.5]
    assert (row["underflow"], row["overflow"]) == (1.0, 6.0)


def test_unknown_fields_comments_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    text = HEADER + "# remark\n\nstatistic m s\nfield count 0\nfield skew 3\n"

    assert _open(tmp_path, text).statistics()["count"].to_pylist() == [0]


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    scalars = _open(tmp_path, (HEADER + "scalar m x 1\n").replace("\n", "\r\n")).scalars()
    text = HEADER + 'vector 0 m "a b" ETV\n0\t1\t0.5\t2\n0\t2\t1.5\tnan\n'
    samples = _open(tmp_path, text.replace("\n", "\r\n"), "vec").read_vector(0)

    assert scalars["value"].to_pylist() == [1.0]
    assert samples["time_s"].to_pylist() == [0.5, 1.5]


MIXED = (
    HEADER
    + "vector 5 m a ETV\nattr unit s\n5\t1\t0.5\t1\n"
    + "vector 0 m b TV\n0\t0.25\t10\n0\t0.5\t-inf\n5\t2\t0.5\t-nan\n"
    + 'vector 3 "m x" "c, d" 1\n3 0.75 7\n5 3 1e-05 1.#IND\n'.replace("1e-05", "0.75")
    + "run B\nvector 4 m a ETV\n4\t9\t0\t1e+20\n0\t1\t11\n\n"
)


def test_declarations_shapes_and_spellings_may_be_mixed(tmp_path: Path) -> None:
    results = _open(tmp_path, MIXED, "vec")

    vectors = results.vectors()
    assert vectors["name"].to_pylist() == ["a", "b", "c, d", "a"]
    assert vectors["run"].to_pylist() == ["R-0", "R-0", "R-0", "B"]
    assert vectors["count"].to_pylist() == [3, 3, 1, 1]
    assert vectors["has_events"].to_pylist() == [True, False, False, True]
    assert results.read_vector(0)["event"].to_pylist() == [1, 2, 3]
    assert list(map(repr, results.read_vector(0)["value"].to_pylist())) == ["1.0", "nan", "nan"]
    assert results.read_vector(1)["value"].to_pylist() == [10.0, -math.inf, 11.0]
    assert results.read_vector(2)["time_s"].to_pylist() == [0.75]
    assert results.read_vector(3)["value"].to_pylist() == [1e20]


def test_mixed_lines_keep_the_order_of_the_file(tmp_path: Path) -> None:
    results = _open(tmp_path, MIXED, "vec")

    rows = [row for batch in results.all_samples() for row in batch.to_pylist()]

    assert [row["vector"] for row in rows] == [0, 1, 1, 0, 2, 0, 3, 1]


def test_very_old_times_may_be_in_powers_of_ten(tmp_path: Path) -> None:
    text = HEADER + "vector 0 m a TV\n0\t1e-05\t1\n0\t2E-05\t1\n"

    assert _open(tmp_path, text, "vec").read_vector(0)["time_s"].to_pylist() == [1e-05, 2e-05]


def test_times_are_the_nearest_float64_of_the_recorded_decimal(tmp_path: Path) -> None:
    times = ["0.604883863652", "8192.000000000001", "9007199.254740993001", "123456789.987654321"]
    text = HEADER + "vector 0 m a TV\n" + "".join(f"0\t{time}\t1\n" for time in times)

    assert _open(tmp_path, text, "vec").read_vector(0)["time_s"].to_pylist() == [
        float(time) for time in times
    ]


def test_summaries_skip_or_keep_nan_as_documented(tmp_path: Path) -> None:
    text = HEADER + "vector 0 m a TV\n0\t1\tnan\n0\t2\t3\n0\t3\t-inf\nvector 1 m b TV\n1\t1\tnan\n"
    text += "vector 2 m c TV\n"

    rows = _open(tmp_path, text, "vec").vectors().to_pylist()

    assert (rows[0]["min"], rows[0]["max"], rows[0]["nan_count"]) == (-math.inf, 3.0, 1)
    assert math.isnan(rows[0]["mean"])
    assert (rows[1]["min"], rows[1]["count"], rows[1]["nan_count"]) == (None, 1, 1)
    assert (rows[2]["mean"], rows[2]["first_time_s"], rows[2]["count"]) == (None, None, 0)


def test_reading_scalars_takes_little_more_memory_than_their_file_has_bytes(tmp_path: Path) -> None:
    path = tmp_path / "many.sca"
    labels = "attr title packets\nattr unit pk\n"
    path.write_text(
        HEADER
        + "".join(f"scalar Net.host[{i % 100}] rx:count {i}\n{labels}" for i in range(20_000))
    )

    open_results([path]).scalars()  # imports what it needs
    tracemalloc.start()
    found = open_results([path]).scalars().num_rows
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == 20_000
    assert peak < 3 * path.stat().st_size  # outside of Arrow, whose table holds the texts in full
