"""Finish, with real result files of oppsim: whatever fails, there is a crate that says so."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from uuid import UUID

import pytest

from simcrate.crate import Choice, verify_crate
from simcrate.crate.layout import choice_of
from simcrate.errors import CrateError, StatisticsFullError, WorkEndedError
from simcrate.pipeline import runner
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import (
    PackedSimulation,
    RunOutcome,
    RunSpec,
    RunState,
    Submission,
)
from simcrate.pipeline.place import Place
from simcrate.pipeline.simulate import SimulateJob
from simcrate.pipeline.simulate import simulate as simulate_run
from simcrate.pipeline.watch import Watch
from simcrate.simulators import (
    OPPSIM,
    UNFENCED,
    Limits,
    Sandbox,
    SandboxKind,
    Simulator,
    SimulatorKind,
)
from tests.servers.disks import full_disk

INI = """
[Config Short]
network = OppNet
sim-time-limit = 60s
OppNet.messageInterval = 5s
OppNet.numNodes = 5
"""
SUBMISSION = Submission(
    id=UUID(int=1), title="Short study", simulator="oppsim", ini_name="omnetpp.ini", config="Short",
    run_filter="", precision_s=10, submitter="Alice", licence="CC-BY-4.0",
    submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
)  # fmt: skip
DELIVERY_ID = UUID(int=2)
UNLIMITED = Limits()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path, SUBMISSION.id)
    place.input_dir.mkdir(parents=True)
    (place.input_dir / "omnetpp.ini").write_text(INI)
    return place


def simulate(
    place: Place,
    number: int = 0,
    watch: Watch | None = None,
    limits: Limits = UNLIMITED,
    simulator: Simulator = OPPSIM,
    sandbox: Sandbox = UNFENCED,
) -> RunOutcome:
    job = SimulateJob(
        submission=SUBMISSION,
        run=RunSpec(number=number, itervars={}, repetition=0),
        simulator=simulator,
        sandbox=sandbox,
        limits=limits,
    )
    return simulate_run(job, place, watch or Watch())


def test_what_the_definition_provides_stands_beside_the_submitted_files(
    place: Place, tmp_path: Path
) -> None:
    provided = tmp_path / "provided"
    (provided / "results").mkdir(parents=True)
    (provided / "omnetpp.ini").write_text("of the definition")
    (provided / "trace.csv").write_text("1")
    simulate(place, simulator=replace(OPPSIM, working_dir=provided))

    working_dir = place.working_dir(0)
    assert (working_dir / "trace.csv").resolve() == provided / "trace.csv"
    assert (working_dir / "omnetpp.ini").read_text() == INI
    assert not (working_dir / "results").is_symlink()


def test_a_run_whose_files_were_let_go_of_is_not_failed_but_done_again(place: Place) -> None:
    place.remove_inputs()

    with pytest.raises(WorkEndedError):
        simulate(place)


def finish(
    place: Place,
    *outcomes: RunOutcome,
    is_careful: bool = False,
    left_out: frozenset[Choice] = frozenset(),
) -> PackedSimulation:
    submission = replace(SUBMISSION, left_out=left_out)
    job = Finish(
        submission=submission, outcomes=outcomes, delivery_id=DELIVERY_ID, is_careful=is_careful
    )
    return runner.finish(job, place, Watch())


def crate_path(place: Place) -> Path:
    return place.crate_path(DELIVERY_ID, "short-study.zip")


def test_a_run_that_completed_becomes_a_whole_crate(place: Place) -> None:
    packed = finish(place, simulate(place))

    assert packed.problems == ()
    assert packed.summary["rows"]
    assert verify_crate(crate_path(place)).is_good
    with zipfile.ZipFile(crate_path(place)) as crate:
        names = set(crate.namelist())
        run = json.loads(crate.read("run.json"))
    assert {"report.html", "statistics.json", "input/omnetpp.ini", "logs/run-0.log"} <= names
    assert run["content_digest"]
    assert run["simulator"]["version"]


def test_parts_that_were_left_out_are_not_in_the_crate_and_all_else_is(place: Place) -> None:
    outcome = simulate(place)
    finish(place, outcome)
    whole = _names(place)
    packed = finish(place, outcome, left_out=frozenset(Choice))

    assert packed.problems == ()
    bare = _names(place)
    assert bare == {name for name in whole if choice_of(name) is None}
    assert {choice_of(name) for name in whole - bare} == set(Choice)
    assert verify_crate(crate_path(place)).is_good


def _names(place: Place) -> set[str]:
    with zipfile.ZipFile(crate_path(place)) as crate:
        return set(crate.namelist())


def test_the_record_has_the_limits_and_what_happened_when(place: Place) -> None:
    described = replace(OPPSIM, url="https://oppsim.example/")
    limits = Limits(memory_bytes=2**30, wall_time_s=600)
    outcome = simulate(place, limits=limits, simulator=described)
    finish(place, outcome, is_careful=True)

    with zipfile.ZipFile(crate_path(place)) as crate:
        record = json.loads(crate.read("run.json"))
    assert record["simulator"]["url"] == "https://oppsim.example/"
    assert record["limits"] == {"memory": f"{2**30} bytes", "wall time": "600 s"}
    started, ended = record["runs"][0]["events"]
    assert started == {"at": record["runs"][0]["started_at"], "text": "started"}
    assert ended["at"] == record["runs"][0]["ended_at"]
    assert ended["text"].startswith("completed: ")


def test_a_limit_that_was_reached_is_an_event(place: Place) -> None:
    (place.input_dir / "omnetpp.ini").write_text(INI.replace("60s", "1000000s"))
    finish(place, simulate(place, limits=Limits(wall_time_s=1)), is_careful=True)

    with zipfile.ZipFile(crate_path(place)) as crate:
        (run,) = json.loads(crate.read("run.json"))["runs"]
    assert run["events"][-1]["text"].startswith("limited: ")


def test_the_ini_of_a_run_alone_repeats_it(place: Place, tmp_path: Path) -> None:
    (place.input_dir / "omnetpp.ini").write_text(
        INI.replace("numNodes = 5", "numNodes = ${n=4, 5}") + "repeat = 2\n"
    )
    finish(place, simulate(place, number=3))
    with zipfile.ZipFile(crate_path(place)) as crate:
        own_ini = crate.read("as-run/run-3.ini").decode()
        recorded = crate.read("results/run-3/Short-n=5-#1.vec").decode()
        assert json.loads(crate.read("run.json"))["runs"][0]["seeds"] == [3]
    again = tmp_path / "again"
    again.mkdir()
    (again / "omnetpp.ini").write_text(own_ini)
    command = [*OPPSIM.command, "-u", "Cmdenv", "-f", "omnetpp.ini", "-r", "1"]
    subprocess.run(command, cwd=again, check=True, capture_output=True)

    (repeated,) = (again / "results").glob("*.vec")
    assert _samples(repeated.read_text()) == _samples(recorded)


def _samples(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[:1].isdigit()]


def test_finishing_twice_gives_the_same_bytes(place: Place) -> None:
    outcome = simulate(place)
    first, second = finish(place, outcome), finish(place, outcome)

    assert first.sha256 == second.sha256


def test_the_commands_and_results_name_no_path_of_the_worker(place: Place) -> None:
    finish(place, simulate(place))

    with zipfile.ZipFile(crate_path(place)) as crate:
        for name in crate.namelist():
            assert str(place.var_dir).encode() not in crate.read(name), name


@pytest.mark.parametrize("text", ["garbage\n", "version 3\nrun a\nscalar x\n"])
def test_a_damaged_result_file_costs_the_statistics_and_nothing_else(
    place: Place, text: str
) -> None:
    outcome = simulate(place)
    (path,) = place.result_dir(0).glob("*.sca")
    path.write_text(text)
    packed = finish(place, outcome)

    assert packed.problems
    assert path.name in packed.problems[0]
    with zipfile.ZipFile(crate_path(place)) as crate:
        assert crate.read(f"results/run-0/{path.name}") == text.encode()
        assert packed.problems[0] in json.loads(crate.read("run.json"))["description"]


def test_a_zero_byte_in_a_name_reaches_the_crate_and_no_row(place: Place) -> None:
    outcome = simulate(place)
    path = place.fresh(place.result_dir(0)) / "a.sca"
    path.write_text('version 3\nrun Short-0\nattr configname Short\nscalar Net "a\0b" 1\n')
    packed = finish(place, outcome)

    summary = json.dumps(packed.summary, ensure_ascii=False)
    assert "a\N{REPLACEMENT CHARACTER}b" in summary
    assert "\\u0000" not in summary
    with zipfile.ZipFile(crate_path(place)) as crate:
        assert b'"a\0b"' in crate.read(f"results/run-0/{path.name}")


def test_a_file_name_that_is_no_text_is_told_in_text(place: Place) -> None:
    outcome = simulate(place)
    Path(os.fsdecode(os.fsencode(place.result_dir(0)) + b"/\xff.sca")).write_text("garbage\n")
    packed = finish(place, outcome)

    assert "could not read ?.sca" in packed.problems[0]


def test_results_of_other_runs_than_were_asked_for_are_told_and_delivered(place: Place) -> None:
    outcome = replace(simulate(place), itervars={"n": "4"})
    packed = finish(place, outcome)

    (problem,) = packed.problems
    assert problem.startswith("Run 0 recorded no $n where the ini says $n=4")
    assert packed.summary["rows"]
    with zipfile.ZipFile(crate_path(place)) as crate:
        assert problem in json.loads(crate.read("run.json"))["description"]


def test_the_ini_of_a_run_alone_is_read_by_the_rules_of_the_simulators_version(
    place: Place,
) -> None:
    (place.input_dir / "omnetpp.ini").write_text(INI + "  OppNet.speed = 2mps\n")
    finish(place, replace(simulate(place), generation=5))

    with zipfile.ZipFile(crate_path(place)) as crate:
        own_ini = crate.read("as-run/run-0.ini").decode()
    assert "\nOppNet.speed = 2mps\n" in own_ini


def test_a_run_whose_worker_died_has_its_ini_and_one_that_never_started_has_none(
    place: Place,
) -> None:
    (place.input_dir / "omnetpp.ini").write_text(INI + "repeat = 3\n")
    outcome = replace(simulate(place, number=0), repetition=0)
    simulate(place, number=1)
    died = RunOutcome(number=1, state=RunState.FAILED, reason="Its worker died.", repetition=1)
    waited = RunOutcome(number=2, state=RunState.CANCELLED, reason="", repetition=2)
    packed = finish(place, outcome, died, waited)

    assert packed.problems == ()
    own_inis = {name for name in _names(place) if name.startswith("as-run/")}
    assert own_inis == {"as-run/run-0.ini", "as-run/run-1.ini"}


def test_a_run_that_did_not_complete_is_told_though_its_files_look_whole(place: Place) -> None:
    outcome = replace(simulate(place), state=RunState.FAILED, reason="Killed.", sim_time_s=0.0)
    for index in place.result_dir(0).glob("*.vci"):
        index.unlink()
    packed = finish(place, outcome)

    (run,) = packed.summary["runs"]
    assert "has not completed (failed)" in " ".join(packed.summary["warnings"])
    assert run["end_s"] < 60.0


def test_an_empty_result_file_is_told(place: Place) -> None:
    outcome = simulate(place)
    (path,) = place.result_dir(0).glob("*.sca")
    path.write_text("")
    packed = finish(place, outcome)

    assert path.name in " ".join([*packed.problems, *packed.summary["warnings"]])


def test_a_run_that_left_nothing_still_ends_with_a_crate(place: Place) -> None:
    (place.input_dir / "omnetpp.ini").write_text(INI.replace("Short", "Other"))
    outcome = simulate(place)
    packed = finish(place, outcome)

    assert outcome.state is RunState.FAILED
    assert "Short" in outcome.reason
    assert "no result files" in packed.problems[0]
    with zipfile.ZipFile(crate_path(place)) as crate:
        assert b"Short" in crate.read("logs/run-0.log")


def test_a_run_without_results_beside_others_is_told_in_the_report(place: Place) -> None:
    silent = RunOutcome(number=1, state=RunState.FAILED, reason="the worker died")
    finish(place, simulate(place), silent)

    with zipfile.ZipFile(crate_path(place)) as crate:
        report, readme = (crate.read(name).decode() for name in ("report.html", "README.txt"))
        first, second = json.loads(crate.read("run.json"))["runs"]
    assert "1 completed, 1 failed" in report
    assert "run 1 (failed)" in report
    assert "1 completed, 1 failed" in readme
    assert first["inputs"] == ["as-run/run-0.ini"]
    assert "logs/run-0.log" in first["results"]
    assert (second["inputs"], second["results"]) == ([], [])


def test_a_careful_finish_leaves_statistics_out_and_says_so(place: Place) -> None:
    packed = finish(place, simulate(place), is_careful=True)

    assert "Statistics were left out" in packed.problems[0]
    with zipfile.ZipFile(crate_path(place)) as crate:
        assert "report.html" not in crate.namelist()


@pytest.mark.parametrize("ends_as", [RunState.CANCELLED, RunState.STOPPED])
def test_a_run_that_is_ended_early_keeps_what_was_recorded(place: Place, ends_as: RunState) -> None:
    (place.input_dir / "omnetpp.ini").write_text(INI.replace("60s", "1000000s"))
    watch = Watch()
    Timer(1.0, watch.end, [ends_as]).start()
    outcome = simulate(place, watch=watch)

    assert outcome.state is ends_as
    assert outcome.reason.startswith(f"It was {ends_as} by request: SIGINT or SIGTERM received")
    assert list(place.result_dir(0).glob("*.sca"))


def test_a_run_whose_log_finds_no_space_has_failed_and_what_it_recorded_is_delivered(
    place: Place,
) -> None:
    script = "echo 'version 3' > results/a.sca && yes | head -c 1000000"
    chatty = Simulator(
        name="chatty", title="", kind=SimulatorKind.COMMAND, command=("sh", "-c", script)
    )
    with full_disk(beyond_bytes=100_000):
        outcome = simulate(place, simulator=chatty)
    finish(place, outcome)

    assert outcome.state is RunState.FAILED
    assert outcome.reason.startswith("Its log could not be written (File too large)")
    with zipfile.ZipFile(crate_path(place)) as crate:
        assert "results/run-0/a.sca" in crate.namelist()
        assert crate.getinfo("logs/run-0.log").file_size == 100_000


class OnABrokenDisk(Sandbox):
    """Whose files cannot be had back."""

    def take_back(self, directory: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(directory))


def test_a_disk_that_fails_at_the_end_of_a_run_costs_neither_how_it_ended_nor_its_results(
    place: Place,
) -> None:
    outcome = simulate(place, sandbox=OnABrokenDisk(kind=SandboxKind.NONE, uid=None))

    assert (outcome.state, outcome.exit_code) == (RunState.FAILED, 0)
    assert outcome.reason.endswith("Its results could not be kept: Input/output error.")
    assert list(place.result_dir(0).iterdir())


def test_statistics_that_find_no_space_are_not_left_out_but_waited_for(place: Place) -> None:
    outcome = simulate(place)

    with (
        full_disk(beyond_bytes=2000),
        pytest.raises(StatisticsFullError, match="stage 'statistics'"),
    ):
        finish(place, outcome)
    assert not place.made_dir.exists()  # others need the space meanwhile


def test_a_spool_that_cannot_be_written_is_an_error_and_costs_nothing(place: Place) -> None:
    outcome = simulate(place)
    (place.var_dir / "spool").write_text("a file where a directory should be")

    with pytest.raises((CrateError, OSError)):
        finish(place, outcome)
    assert list(place.result_dir(0).iterdir())


def test_a_worker_that_ends_stops_between_stages(place: Place) -> None:
    outcome = simulate(place)
    watch = Watch()
    watch.abandon()
    job = Finish(
        submission=SUBMISSION, outcomes=(outcome,), delivery_id=DELIVERY_ID, is_careful=False
    )

    with pytest.raises(WorkEndedError):
        runner.finish(job, place, watch)
    assert not crate_path(place).exists()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Epidemic, 40 nodes", "epidemic-40-nodes"),
        ("../../etc/passwd", "etc-passwd"),
        ("Überlandfahrt auf der Straße", "uberlandfahrt-auf-der-strasse"),
        ("漢字", "simulation"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_title_becomes_a_name_that_every_system_takes(title: str, name: str) -> None:
    assert runner.slug(title) == name
