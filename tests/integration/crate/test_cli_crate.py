"""`simcrate pack`, `verify` and `inspect`, as people and scripts call them."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simcrate.cli.crate import inspect, pack, verify
from simcrate.crate import PackedCrate, Provenance, RunRecord, gather, pack_crate

RESULTS = """\
version 3
run General-7-20260101-00:00:00-1
attr configname General
attr runnumber 7
attr repetition 1
attr seedset 3
itervar n 100
scalar Net delay 1.5
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    directory = tmp_path / "epidemic"
    directory.mkdir()
    (directory / "General-#7.sca").write_text(RESULTS)
    return directory


def packed_with(tree: Path, *options: str) -> tuple[Result, Path]:
    target = tree.parent / "crate.zip"
    arguments = [str(tree), "-o", str(target), *options]
    return CliRunner().invoke(pack, arguments, catch_exceptions=False), target


def read_json(crate: Path, name: str) -> dict[str, object]:
    with zipfile.ZipFile(crate) as archive:
        value: dict[str, object] = json.loads(archive.read(name))
        return value


def simcrate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simcrate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pack_prints_digest_and_name_last_as_sha256sum_does(tree: Path) -> None:
    result, target = packed_with(tree)

    check = subprocess.run(["sha256sum", target], capture_output=True, text=True, check=True)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == check.stdout.strip()


def test_pack_records_what_the_result_files_say_and_what_was_stated(tree: Path) -> None:
    _, target = packed_with(
        tree,
        "--title",
        "Epidemic",
        "--licence",
        "CC0-1.0",
        "--submitter",
        "Alice",
        "--keyword",
        "k",
    )

    record = read_json(target, "run.json")
    assert record["title"] == "Epidemic"
    assert record["licence"] == "CC0-1.0"
    assert record["submitter"] == "Alice"
    assert str(record["content_digest"]).startswith("results1:")
    assert isinstance(record["runs"], list)
    run = record["runs"][0]
    assert (run["config"], run["number"], run["itervars"]) == ("General", 7, {"n": "100"})
    assert (run["repetition"], run["seeds"]) == (1, [3])


def test_pack_of_unreadable_results_says_why_there_is_no_digest(tree: Path) -> None:
    (tree / "General-#7.sca").write_text("version 3\nrun a\nscalar broken\n")

    result, target = packed_with(tree)

    assert result.exit_code == 0
    assert "there is no content digest: could not read General-#7.sca, line 3" in result.stderr
    assert read_json(target, "run.json")["content_digest"] == ""


def test_pack_twice_gives_equal_bytes_even_over_the_first_in_the_directory_itself(
    tree: Path,
) -> None:
    target = tree / "crate.zip"
    CliRunner().invoke(pack, [str(tree), "-o", str(target)], catch_exceptions=False)
    first = target.read_bytes()

    CliRunner().invoke(pack, [str(tree), "-o", str(target)], catch_exceptions=False)

    assert target.read_bytes() == first


def test_pack_says_what_was_left_out(tree: Path) -> None:
    (tree / "escape").symlink_to("/etc/passwd")

    result, _ = packed_with(tree)

    assert "left out: results/escape: a link that leads out of the directory" in result.stderr


def test_pack_warns_of_credentials_in_an_ini_without_repeating_them(tree: Path) -> None:
    (tree / "omnetpp.ini").write_text('[General]\n**.password = "hunter22"\n')

    result, _ = packed_with(tree)

    assert "results/omnetpp.ini:2: looks like a credential" in result.stderr
    assert "hunter22" not in result.output


def test_pack_as_a_bag_is_verified_like_any_crate(tree: Path) -> None:
    _, target = packed_with(tree, "--bagit")

    result = CliRunner().invoke(verify, [str(target)])

    assert result.exit_code == 0
    assert result.stdout.endswith("no fault\n")


def test_verify_of_a_faulty_crate_lists_faults_and_exits_1(packed: PackedCrate) -> None:
    data = bytearray(packed.path.read_bytes())
    data[len(data) // 2] ^= 1
    packed.path.write_bytes(data)

    result = CliRunner().invoke(verify, [str(packed.path)])

    assert result.exit_code == 1
    assert "changed: results/General/noise.gz: its SHA-256 is not the one in" in result.stdout
    assert result.stdout.endswith("2 faults\n")


def test_verify_json_is_for_programs(packed: PackedCrate) -> None:
    packed.path.write_bytes(packed.path.read_bytes()[:1000])

    result = CliRunner().invoke(verify, ["--json", str(packed.path)])

    value = json.loads(result.stdout)
    assert result.exit_code == 1
    assert value["is_good"] is False
    assert [fault["kind"] for fault in value["faults"]] == ["truncated"]


def test_inspect_shows_provenance_headline_numbers_and_tree(tree: Path) -> None:
    rows = [
        {"display": "delay", "mean": 1.5, "unit": "s", "n": 2},
        {"display": "hops", "mean": None},
    ]
    statistics = {"schema": 1, "rows": rows}
    (tree / "statistics.json").write_text(json.dumps(statistics))
    stopped = RunRecord(number=7, itervars={"n": "100"}, state="limited", reason="no memory")
    provenance = Provenance(
        title="Epidemic",
        description="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        runs=(stopped,),
    )
    packed = pack_crate(gather(tree, under=""), provenance, tree.parent / "crate.zip")

    result = CliRunner().invoke(inspect, [str(packed.path)], catch_exceptions=False)

    assert result.exit_code == 0
    for shown in ("Epidemic", "n=100", "no memory", "delay", "1.5", "missing", "General-#7.sca"):
        assert shown in result.stdout


def test_inspect_says_which_point_a_number_is_of(tree: Path) -> None:
    rows = [
        {"display": "delay", "mean": 1.5, "config": "General", "itervars": {"n": "100"}},
        {"display": "delay", "mean": 2.5, "config": "General", "itervars": {"n": "200"}},
        {"display": "delay", "mean": 3.5, "config": "Other"},
    ]
    (tree / "statistics.json").write_text(json.dumps({"schema": 1, "rows": rows}))

    day = datetime(2026, 1, 1, tzinfo=UTC)
    provenance = Provenance(title="Study", description="", created_at=day)
    packed = pack_crate(gather(tree, under=""), provenance, tree.parent / "crate.zip")
    listing = CliRunner().invoke(inspect, [str(packed.path)], catch_exceptions=False).stdout
    means = {"1.5": "n=100", "2.5": "n=200", "3.5": "Other"}

    for mean, point in means.items():
        assert any(mean in line and point in line for line in listing.splitlines())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "none.zip"), "could not open 'none.zip'"),
        (("inspect", "none.zip"), "could not open 'none.zip'"),
        (("verify", "/nowhere/none.zip"), "could not open '/nowhere/none.zip'"),
        (("verify", "x" * 300), "xxx': File name too long; give"),
        (("pack", ".", "-o", "/nowhere/x.zip"), "could not write '/nowhere/x.zip'"),
        (("pack", "none", "-o", "x.zip"), "does not exist"),
        (("pack", "."), "Missing option"),
    ],
)
def test_bad_usage_exits_2_with_a_sentence(arguments: tuple[str, ...], says: str) -> None:
    done = simcrate(*arguments)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_pack_of_a_directory_without_files_exits_2(tmp_path: Path) -> None:
    done = simcrate("pack", tmp_path, "-o", tmp_path / "x.zip")

    assert done.returncode == 2
    assert "there is no file in it" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_names_in_a_hostile_zip_cannot_control_the_terminal(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("\x1b[2J", "")
        archive.writestr("[bold]x", "")

    listing = CliRunner().invoke(inspect, [str(tmp_path / "evil.zip")]).stdout
    faults = CliRunner().invoke(verify, [str(tmp_path / "evil.zip")]).stdout

    assert "\x1b[2J" not in listing + faults
    assert r"\x1b[2J" in listing
    assert "[bold]x" in listing
