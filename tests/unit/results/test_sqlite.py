"""SQLite result files: those of 6.x and 5.x, and hostile ones."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from simcrate.errors import ResultFormatError
from simcrate.results import Kind, content_digest, open_results
from tests.unit.results.conftest import DATA, bytes_read

SCHEMA_5 = """
CREATE TABLE run (runId INTEGER PRIMARY KEY, runName TEXT, simtimeExp INTEGER);
CREATE TABLE runattr (runId INTEGER, attrName TEXT, attrValue TEXT);
CREATE TABLE runparam (runId INTEGER, parName TEXT, parValue TEXT);
CREATE TABLE scalar (scalarId INTEGER PRIMARY KEY, runId INTEGER, moduleName TEXT,
  scalarName TEXT, scalarValue REAL);
CREATE TABLE scalarattr (scalarId INTEGER, attrName TEXT, attrValue TEXT);
CREATE TABLE statistic (statId INTEGER PRIMARY KEY, runId INTEGER, moduleName TEXT, statName TEXT,
  statCount INTEGER, statMean REAL, statStddev REAL, statSum REAL, statSqrsum REAL, statMin REAL,
  statMax REAL, statWeights REAL, statWeightedSum REAL, statSqrSumWeights REAL,
  statWeightedSqrSum REAL);
CREATE TABLE histbin (statId INTEGER, baseValue NUMERIC, cellValue INTEGER);
CREATE TABLE vector (vectorId INTEGER PRIMARY KEY, runId INTEGER, moduleName TEXT, vectorName TEXT,
  vectorCount INTEGER, vectorMin REAL, vectorMax REAL, vectorSum REAL, vectorSumSqr REAL,
  startEventNum INTEGER, endEventNum INTEGER, startSimtimeRaw INTEGER, endSimtimeRaw INTEGER);
CREATE TABLE vectordata (vectorId INTEGER, eventNumber INTEGER, simtimeRaw INTEGER, value REAL);
INSERT INTO run VALUES (1, 'R-1', -3);
INSERT INTO runattr VALUES (1, 'iterationvars', '$n=3'), (1, 'n', '3');
INSERT INTO runparam VALUES (1, '**.n', '3');
INSERT INTO scalar VALUES (1, 1, 'Net', 'good', 0.5), (2, 1, 'Net', 'missing', NULL);
INSERT INTO scalarattr VALUES (1, 'unit', 's');
INSERT INTO statistic VALUES (1, 1, 'Net', 'h', 3, 1, 0.5, 3, 4, 0, 2, NULL, NULL, NULL, NULL);
INSERT INTO histbin VALUES (1, -1e999, 0), (1, 0, 1), (1, 1, 2), (1, 2, 0);
INSERT INTO vector VALUES (7, 1, 'Net', 'v', NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0);
INSERT INTO vectordata VALUES (7, 1, 500, 1.5), (7, 2, 1500, NULL), (7, 3, 1501, -1e999);
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "results #1.vec"
    _execute(path, SCHEMA_5)
    return path


def _execute(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def _read_everything(path: Path) -> None:
    results = open_results([path])
    for kind in Kind:
        results.table(kind)
    list(results.all_samples(events=True))
    content_digest(results)
    for key in results.vectors()["vector"].to_pylist():
        results.read_vector(key)


def test_a_database_of_version_5_is_read(database: Path) -> None:
    results = open_results([database])

    assert results.runs[0].itervars == {"n": "3"}
    assert results.runs[0].config == (("**.n", "3"),)
    assert results.scalars()["value"].to_pylist()[0] == 0.5
    assert results.scalars()["unit"].to_pylist() == ["s", None]
    (histogram,) = results.histograms().to_pylist()
    assert (histogram["edges"], histogram["values"]) == ([0, 1, 2], [1, 2])
    assert histogram["sum_weights"] == 3


def test_null_is_nan_and_infinities_stay(database: Path) -> None:
    results = open_results([database])

    (vector,) = results.vectors().to_pylist()
    assert (vector["count"], vector["nan_count"], vector["max"]) == (3, 1, 1.5)
    assert [str(value) for value in results.read_vector(0)["value"].to_pylist()] == [
        "1.5",
        "nan",
        "-inf",
    ]
    assert results.read_vector(0)["time_s"].to_pylist() == [0.5, 1.5, 1.501]
    assert str(results.scalars()["value"][1]) == "nan"


def test_the_same_samples_in_text_have_the_same_digest(database: Path, tmp_path: Path) -> None:
    _execute(database, "DELETE FROM scalar; DELETE FROM statistic; DELETE FROM histbin")
    text = tmp_path / "text.vec"
    text.write_text(
        "version 2\nrun other\nitervar n 3\nvector 0 Net v TV\n0\t0.5\t1.5\n0\t1.5\tnan\n0\t1.501\t-inf\n"
    )

    assert content_digest(open_results([database])) == content_digest(open_results([text]))


def test_a_journal_beside_it_means_incomplete(database: Path) -> None:
    database.with_name(database.name + "-wal").touch()

    assert "journal" in open_results([database]).incomplete[0].why


def test_nothing_is_written_beside_it(database: Path) -> None:
    before = database.read_bytes()

    _read_everything(database)

    assert [path.name for path in database.parent.iterdir()] == [database.name]
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("DROP TABLE run", "no table `run`"),
        ("DELETE FROM run", "no table `run`"),
        ("UPDATE run SET simtimeExp = 400", "time exponent from -18 to 0"),
        ("UPDATE run SET runName = x'ff'", "expected text, found b'\\xff'"),
        ("UPDATE run SET runName = CAST(x'ff' AS TEXT)", "could not decode to utf-8"),
        ("UPDATE scalar SET runId = 9", "a known run, found run 9"),
        ("UPDATE scalar SET scalarValue = 'many'", "expected a number, found 'many'"),
        ("UPDATE scalar SET moduleName = NULL", "expected text, found None"),
        ("UPDATE statistic SET statCount = -1", "count of observations"),
        ("UPDATE histbin SET baseValue = 5 WHERE baseValue = 1", "rising bin edges"),
        ("UPDATE vectordata SET vectorId = 8", "known vectors, found vector 8"),
        ("UPDATE vectordata SET simtimeRaw = 1.5", "expected a whole number, found 1.5"),
        ("UPDATE vectordata SET simtimeRaw = -simtimeRaw", "times of a vector decrease"),
        (
            "UPDATE vector SET vectorCount = 2, vectorMin = 0, vectorMax = 1, vectorSum = 1",
            "expected 2 samples of vector 7, found 3",
        ),
    ],
)
def test_a_hostile_database_is_an_error_that_names_the_file(
    script: str, expected: str, database: Path
) -> None:
    _execute(database, script)

    with pytest.raises(ResultFormatError, match="results #1") as caught:
        _read_everything(database)

    assert expected.lower() in str(caught.value).lower()


def test_views_and_generated_columns_are_not_read(database: Path) -> None:
    _execute(
        database,
        """
        DROP TABLE scalar;
        CREATE VIEW scalar AS WITH RECURSIVE n(scalarId) AS (SELECT 1 UNION ALL SELECT scalarId FROM n)
          SELECT scalarId, 1 AS runId, 'm' AS moduleName, 'n' AS scalarName, 1.0 AS scalarValue FROM n;
        DROP TABLE vectordata;
        CREATE TABLE vectordata (vectorId INTEGER, eventNumber INTEGER, simtimeRaw INTEGER,
          value REAL AS (length(hex(zeroblob(1000000000)))));
        """,
    )

    results = open_results([database])

    assert results.scalars().num_rows == 0
    assert sum(batch.num_rows for batch in results.all_samples()) == 0


@pytest.mark.parametrize("seed", range(25))
def test_a_damaged_database_is_an_error_or_read_but_never_a_crash(
    seed: int, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.sca"
    shutil.copy(next((DATA / "small-sqlite").glob("*.sca")), path)
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(200):
        data[chance.randrange(100, len(data))] = chance.randrange(256)
    path.write_bytes(data[: chance.randrange(4096, len(data))])

    with suppress(ResultFormatError):
        _read_everything(path)


def test_text_that_begins_like_a_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    path.write_bytes(b"SQLite format 3\0 but not one")

    with pytest.raises(ResultFormatError, match="a sound SQLite database"):
        open_results([path]).vectors()


def _write_many_vectors(path: Path, vectors: int, *, block: int, samples: int = 100) -> None:
    """Vectors whose values are their own numbers; blocks of samples take turns."""
    connection = sqlite3.connect(path)
    connection.executescript("DELETE FROM vector; DELETE FROM vectordata")
    connection.executemany(
        "INSERT INTO vector (vectorId, runId, moduleName, vectorName) VALUES (?, 1, 'Net', 'v')",
        [(number,) for number in range(vectors)],
    )
    connection.executemany(
        "INSERT INTO vectordata VALUES (?, 0, ?, ?)",
        (
            (number, time, float(number))
            for begin in range(0, samples, block)
            for number in range(vectors)
            for time in range(begin, begin + block)
        ),
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("block", [1, 20, 100])
def test_every_one_of_many_vectors_gets_its_own_samples(database: Path, block: int) -> None:
    _write_many_vectors(database, 40, block=block)

    results = open_results([database])

    for key in range(40):
        samples = results.read_vector(key)
        assert set(samples["value"].to_pylist()) == {key}
        assert samples["time_s"].to_pylist() == [time / 1000 for time in range(100)]


def test_reading_vector_by_vector_does_not_go_through_the_table_for_each(
    database: Path,
) -> None:
    vectors = 150
    _write_many_vectors(database, vectors, samples=1500, block=500)  # more than SQLite keeps
    results = open_results([database])
    results.vectors()

    before = bytes_read()
    for _ in results.all_samples():
        pass
    at_once = bytes_read() - before
    for key in range(vectors):
        results.read_vector(key)
    one_by_one = bytes_read() - before - at_once

    assert one_by_one < 30 * at_once  # a few are looked for; then it is known where the others are
