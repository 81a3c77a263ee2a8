"""A result set: what is in it, filters, samples, and how lazy it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simcrate.errors import NoResults
from simcrate.results import Kind, open_results
from tests.unit.results.conftest import DATA, FreshCopy


def test_runs_of_scalar_and_vector_files_are_the_same_runs() -> None:
    results = open_results([DATA / "small-aloha"])

    assert len(results.runs) == 18
    run = results.runs[0]
    assert run.config_name == "SmallStudy"
    assert (run.number, run.repetition) == (0, 0)
    assert run.itervars == {"numHosts": "3", "iaMean": "1"}
    assert run.measurement == "$numHosts=3, $iaMean=1"


@pytest.mark.parametrize(
    ("kind", "count"),
    [("scalars", 126), ("histograms", 36), ("parameters", 936), ("vectors", 90), ("statistics", 0)],
)
def test_tables_have_their_schemas_and_every_item(kind: str, count: int) -> None:
    table = open_results([DATA / "small-aloha"]).table(Kind(kind))

    assert table.num_rows == count
    assert table.schema == Kind(kind).schema


def test_a_directory_and_a_file_in_it_count_once() -> None:
    file = next((DATA / "tictoc16").glob("*.sca"))

    assert len(open_results([file, DATA / "tictoc16"]).statistics()) == 6


def test_nothing_to_read_is_an_error_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(NoResults, match=tmp_path.name):
        open_results([tmp_path])
    with pytest.raises(NoResults, match="no file or directory 'absent'"):
        open_results([tmp_path / "absent"])


def test_opening_reads_no_vectors(fresh_copy: FreshCopy) -> None:
    directory = fresh_copy("tictoc16")
    next(directory.glob("*.vec")).write_bytes(b"not a vector file")

    assert len(open_results([directory]).statistics()) == 6


def test_samples_of_a_vector_are_those_of_the_file() -> None:
    results = open_results([DATA / "fifo-noeventnumbers"])
    vector = results.vectors('name=~"qlen:vector"')

    table = results.read_vector(vector["vector"][0].as_py())

    assert table.num_rows == vector["count"][0].as_py()
    assert table["event"].null_count == table.num_rows
    assert table["time_s"][:2].to_pylist() == [0.0, 2.680449180432]
    assert table["value"][:4].to_pylist() == [0.0, 1.0, 0.0, 1.0]


def test_a_time_window_is_closed_on_the_left_and_open_on_the_right() -> None:
    results = open_results([DATA / "fifo-noeventnumbers"])

    batches = results.samples(0, start_s=2.680449180432, end_s=2.866184847637)

    assert [time for batch in batches for time in batch["time_s"].to_pylist()] == [
        2.680449180432,
        2.683423547688,
    ]


def test_all_samples_are_each_vectors_samples_in_the_order_of_the_file() -> None:
    results = open_results([DATA / "small-routing"])
    keys = results.vectors()["vector"].to_pylist()
    together: dict[int, list[float]] = {key: [] for key in keys}

    for batch in results.all_samples():
        for key, value in zip(batch["vector"].to_pylist(), batch["value"].to_pylist(), strict=True):
            together[key].append(value)

    assert together == {key: results.read_vector(key)["value"].to_pylist() for key in keys}


def test_filtered_samples_are_the_same_samples() -> None:
    results = open_results([DATA / "ops-tiny"])
    name = 'name=~"linkNeighSize:vector" AND module=~"*[1]"'
    keys = results.vectors(name)["vector"].to_pylist()

    count = sum(batch.num_rows for batch in results.all_samples(name))

    assert count == sum(results.read_vector(key).num_rows for key in keys)


def test_an_unknown_vector_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no vector 4"):
        open_results([DATA / "fifo-noeventnumbers"]).read_vector(4)


def test_copies_of_a_run_are_warned_about(tmp_path: Path) -> None:
    for copy in ("a", "b"):
        shutil.copytree(DATA / "fifo-novectors", tmp_path / copy)

    warnings = open_results([tmp_path]).warnings

    assert [warning for warning in warnings if "count twice" in warning]


def test_pandas_frames_have_a_column_for_each_iteration_variable() -> None:
    frame = open_results([DATA / "small-aloha"]).to_pandas("scalars", 'name=~"duration"')

    assert set(frame["numHosts"]) == {"3", "4", "5"}
    assert len(frame) == 18


def test_attributes_of_items_are_a_table() -> None:
    results = open_results([DATA / "fifo-noeventnumbers"])

    table = results.attributes(Kind.VECTORS, 'name=~"qlen:vector"')

    attributes = dict(zip(table["attribute"].to_pylist(), table["value"].to_pylist(), strict=True))
    assert attributes["interpolationmode"] == "sample-hold"
