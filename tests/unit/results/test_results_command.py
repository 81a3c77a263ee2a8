"""The command line: list, export, stats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from simcrate.cli.results import results
from simcrate.errors import BadInputError, NoResults
from tests.unit.results.conftest import DATA, FreshCopy


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        results, [str(argument) for argument in arguments], catch_exceptions=False
    )


def test_list_shows_every_run_with_its_iteration_variables() -> None:
    output = _run("list", DATA / "small-aloha").stdout

    assert "SmallStudy #17" in output
    assert "numHosts=5" in output


def test_list_for_programs_counts_items_and_samples() -> None:
    document = json.loads(_run("list", "--json", DATA / "tictoc16").stdout)

    (run,) = document["runs"]
    assert (run["statistics"], run["histograms"], run["vectors"], run["samples"]) == (6, 1, 4, 321)


def test_list_of_a_kind_shows_the_items_that_match() -> None:
    arguments = ("--kind", "vectors", "--filter", 'name=~"qlen*"', "--json")

    document = json.loads(_run("list", DATA / "fifo-quoting", *arguments).stdout)

    assert [item["name"] for item in document["items"]] == ["qlen:vector"] * 8


def test_a_stale_index_is_a_warning_on_standard_error(fresh_copy: FreshCopy) -> None:
    assert "another time" in _run("list", DATA / "ops-tiny").stderr
    assert _run("list", fresh_copy("ops-tiny")).stderr == ""


def test_export_goes_to_standard_output_as_csv_r() -> None:
    output = _run("export", DATA / "fifo-noeventnumbers", "-f", 'type=~"vector"').stdout

    rows = list(csv.DictReader(io.StringIO(output)))
    assert {row["type"] for row in rows} == {"runattr", "config", "vector", "attr"}
    assert "value" not in rows[0]


def test_export_as_parquet_writes_one_file_per_kind(tmp_path: Path) -> None:
    document = json.loads(
        _run("export", DATA / "ops-tiny", "-F", "parquet", "-o", tmp_path / "out", "--json").stdout
    )

    names = {Path(file["file"]).name for file in document["files"]}
    assert {"runs.parquet", "scalars.parquet", "vectors.parquet", "samples.parquet"} <= names
    assert pq.read_table(tmp_path / "out" / "samples.parquet").num_rows == 178644


def test_export_as_json_keeps_nan_apart_from_numbers(tmp_path: Path) -> None:
    target = tmp_path / "ops.json"

    _run("export", DATA / "ops-tiny", "-F", "json", "-o", target)

    document = json.loads(target.read_text())
    values = [value for vector in document["vectors"] for value in vector["value"]]
    assert len(values) == 178644
    assert values.count("Infinity") > 0
    assert values.count(None) > 0


def test_stats_tell_delivery_ratio_delay_and_what_is_missing() -> None:
    output = _run("stats", DATA / "ops-tiny").stdout

    (ratio, *_) = (line for line in output.splitlines() if "Delivery ratio, all data" in line)
    (delay, *_) = (line for line in output.splitlines() if "Average delay, all data" in line)
    assert " 0 " in ratio
    assert "1 NaN of 1" in delay
    assert "scalars are NaN" in output


def test_stats_for_programs_have_an_interval_and_counts_of_missing_values() -> None:
    document = json.loads(_run("stats", "--json", DATA / "small-aloha").stdout)

    (row, *_) = (row for row in document["statistics"] if row["statistic"] == "channelUtilization")
    assert row["n"] == 2
    assert row["low"] < row["mean"] < row["high"]
    assert document["missing"] == {
        "scalars": 126,
        "nan_scalars": 4,
        "inf_scalars": 0,
        "vectors": 90,
        "empty_vectors": 0,
        "samples": 7713,
        "nan_samples": 0,
        "inf_samples": 0,
    }


def test_stats_of_everything_recorded_need_no_catalogue() -> None:
    output = _run("stats", "--catalogue", "none", DATA / "ops-tiny", "-f", 'name=~"app*"').stdout

    assert "appTotalDataDeliveryRatio" in output
    assert "linkSimpleNeighbourSize" not in output


def test_stats_tell_which_samples_are_no_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.vec").write_text(
        "version 3\nrun a-0\nattr configname General\nvector 0 Net d:vector TV\n"
        "0\t0\t1\n0\t1\tnan\n0\t2\tinf\n0\t3\t3\n"
    )

    output = _run("stats", tmp_path).stdout

    assert "1 NaN, 1 infinite of 4 samples" in output
    assert "Missing: 1 of 4 samples are NaN, 1 infinite; 0 of 1 vectors" in output


def test_stats_warn_when_results_of_several_experiments_are_read_together(tmp_path: Path) -> None:
    for directory, rate in (("a", 10), ("b", 20)):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "General-#0.sca").write_text(
            f"version 3\nrun {directory}-0\nattr configname General\nattr repetition 0\n"
            f"config *.rate {rate}\nscalar Net x {rate}\n"
        )

    shown = _run("stats", tmp_path)
    document = json.loads(_run("stats", "--json", tmp_path).stdout)

    assert "warning: Repetition 0 of General is there more than once" in shown.stderr
    assert "(*.rate: 10, 20)" in shown.stderr
    assert len(document["warnings"]) == 2


def test_bad_usage_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="--output"):
        _run("export", "-F", "parquet", DATA / "tictoc16")
    with pytest.raises(BadInputError, match="expected"):
        _run("list", DATA / "tictoc16", "-f", "module=~")
    with pytest.raises(NoResults):
        _run("list", tmp_path)
