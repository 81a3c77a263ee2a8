"""The whole stage on files that real simulators wrote."""

from __future__ import annotations

import csv
import json
import logging
import math
import shutil
from pathlib import Path

import pytest

from simcrate.errors import BadInputError
from simcrate.results import open_results
from simcrate.statistics import Parts, Summary, shipped_catalogue, write_statistics
from simcrate.statistics.notices import lost_samples
from simcrate.statistics.runends import run_ends_s
from simcrate.statistics.vectornumbers import new_reductions

DATA = Path("tests/data/omnetpp")
FEW = Parts(figure_limit=3)  # drawing takes its time


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """`small-aloha`: 18 runs, 9 points of 2 repetitions."""
    out_dir = tmp_path_factory.mktemp("study")
    results = open_results([DATA / "small-aloha"])
    return out_dir, write_statistics(
        results,
        out_dir,
        precision_s=10,
        parts=FEW,
        facts={"Title": "<Aloha> & co", "User": "alice"},
    )


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_part_is_written(study: tuple[Path, Summary]) -> None:
    out_dir, _ = study

    assert {path.name for path in out_dir.iterdir()} == {
        "csv",
        "figures",
        "parquet",
        "report.html",
        "statistics.json",
    }


def test_every_statistic_and_point_has_a_row_with_its_interval(study: tuple[Path, Summary]) -> None:
    _, summary = study

    rows = [row for row in summary.rows if row.name == "collidedFrames:last"]
    assert [row.estimate.n for row in rows] == [2] * 9
    first = next(row for row in rows if row.point.label == "iaMean=1, numHosts=3")
    assert (first.minimum, first.maximum, first.estimate.mean) == (34, 56, 45)
    assert first.estimate.half_width == pytest.approx(
        12.7062 * math.sqrt(2) * 11 / math.sqrt(2), rel=1e-5
    )


def test_missing_values_are_counted_and_null_in_json(study: tuple[Path, Summary]) -> None:
    out_dir, summary = study

    value = json.loads((out_dir / "statistics.json").read_text())
    row = next(r for r in value["rows"] if r["nan_count"])
    assert (row["n"], row["values"], row["low"]) == (1, 2, None)
    assert value["missing"]["nan_scalars"] == summary.missing.nan_scalars == 4


def test_scalars_csv_holds_every_scalar_with_its_iteration_variables(
    study: tuple[Path, Summary],
) -> None:
    out_dir, _ = study

    rows = read(out_dir / "csv" / "scalars.csv")
    assert len(rows) == 126
    assert {row["itervar:numHosts"] for row in rows} == {"3", "4", "5"}
    assert sum(row["value"] == "nan" for row in rows) == 4


def test_each_vector_statistic_has_a_table_at_the_precision(study: tuple[Path, Summary]) -> None:
    out_dir, _ = study

    rows = read(out_dir / "csv" / "radioState.csv")
    columns = read(out_dir / "csv" / "columns.csv")
    assert [row["time_s"] for row in rows] == ["0", "10", "20", "30", "40", "50", "60"]
    assert {column["file"] for column in columns} == {"radioState.csv", "serverChannelState.csv"}
    assert list(rows[0])[1:] == [c["column"] for c in columns if c["file"] == "radioState.csv"]


def test_the_report_loads_nothing_and_escapes_everything(study: tuple[Path, Summary]) -> None:
    page = (study[0] / "report.html").read_text(encoding="utf-8")

    assert "<h1>&lt;Aloha&gt; &amp; co</h1>" in page
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert 'src="http' not in page
    assert "@import" not in page
    assert page.count("<img ") == len(study[1].figures)


def test_the_summary_is_small_and_json_able(study: tuple[Path, Summary]) -> None:
    value = study[1].to_json()

    assert len(json.dumps(value, allow_nan=False)) < 2_000_000
    assert set(value["cut"].values()) == {0}
    assert len(value["rows"]) == len(study[1].rows)


def test_the_same_results_give_the_same_bytes(study: tuple[Path, Summary], tmp_path: Path) -> None:
    write_statistics(
        open_results([DATA / "small-aloha"]),
        tmp_path,
        precision_s=10,
        parts=FEW,
        facts={"Title": "<Aloha> & co", "User": "alice"},
    )

    for path in study[0].rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(study[0])).read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("precision_s", [0, -1, math.nan, math.inf])
def test_a_precision_that_makes_no_table_is_refused_before_anything_is_written(
    precision_s: float, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="precision"):
        write_statistics(
            open_results([DATA / "small-aloha"]), tmp_path / "out", precision_s=precision_s
        )
    assert not (tmp_path / "out").exists()


def test_a_precision_that_turns_out_too_fine_costs_the_resampled_tables_only(
    tmp_path: Path,
) -> None:
    parts = Parts(figures=False, parquet=False)

    summary = write_statistics(
        open_results([DATA / "small-aloha"]), tmp_path, precision_s=1e-6, parts=parts
    )

    assert any("A precision of 6e-05 s or more fits" in text for text in summary.warnings)
    names = {path.name for path in (tmp_path / "csv").iterdir()}
    assert names == {"statistics.csv", "scalars.csv"}


def test_the_catalogue_names_the_statistics_of_ops(tmp_path: Path) -> None:
    summary = write_statistics(
        open_results([DATA / "ops-tiny"]),
        tmp_path,
        precision_s=600,
        catalogue=shipped_catalogue("ops"),
        parts=Parts(figures=False, parquet=False),
    )

    network = [row for row in summary.rows if row.modules == "OPSNetwork"]
    assert len(network) == 51
    ratio = network[0]
    assert (ratio.display, ratio.layer) == ("Delivery ratio, all data", "Application")
    delay = next(row for row in network if row.display == "Average delay, all data")
    assert (delay.unit, delay.estimate.n, delay.nan_count, delay.values) == ("s", 0, 1, 1)


def test_damaged_samples_do_not_cost_the_scalars(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(DATA / "small-routing", tmp_path / "results")
    (path,) = (tmp_path / "results").glob("*.vec")
    data = bytearray(path.read_bytes())
    line = data.index(b"\n", 2 * len(data) // 3) + 1
    time = data.index(b"\t", data.index(b"\t", line) + 1) + 1
    data[time : time + 1] = b"0"  # of a time: it falls behind the one before
    path.write_bytes(data)

    with caplog.at_level(logging.CRITICAL):
        summary = write_statistics(
            open_results([tmp_path / "results"]), tmp_path / "out", precision_s=1, parts=FEW
        )

    assert {row.source for row in summary.rows} <= {"scalar", "statistic"}
    assert summary.missing.scalars > 0
    (warning,) = [
        text for text in summary.warnings if text.startswith("Nothing is told of vectors")
    ]
    assert path.name in warning


def test_samples_that_the_index_knows_and_the_file_has_not_are_told() -> None:
    results = open_results([DATA / "small-routing"])
    vectors = results.vectors()
    reductions = new_reductions(results, vectors, run_ends_s(results, vectors))

    (warning,) = lost_samples(vectors, reductions)

    assert warning.startswith("24378 samples of ")
