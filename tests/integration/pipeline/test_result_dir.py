"""A program that leaves its results where it wants to, and says so in its definition."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from simcrate.errors import SimulationError
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import RunOutcome, RunSpec, RunState, Submission
from simcrate.pipeline.place import Place
from simcrate.pipeline.resultdir import expect_away, gather_results
from simcrate.pipeline.runner import finish
from simcrate.pipeline.simulate import SimulateJob, simulate
from simcrate.pipeline.watch import Watch
from simcrate.simulators import UNFENCED, Limits, Simulator, SimulatorKind

SUBMISSION = Submission(
    id=UUID(int=1), title="Study", simulator="shell", ini_name="study.ini", config="", run_filter="",
    precision_s=10, submitter="Alice", licence="", submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "var", SUBMISSION.id)
    place.input_dir.mkdir(parents=True)
    return place


def results_of(place: Place, script: str, result_dir: str) -> set[str]:
    """The names of the results; those that were refused begin with an exclamation mark."""
    shell = Simulator(
        name="shell",
        title="Shell",
        kind=SimulatorKind.COMMAND,
        command=("sh", "-c", script, "sh", "{results}"),
        result_dir=result_dir,
    )
    job = SimulateJob(
        submission=SUBMISSION,
        run=RunSpec(number=0, itervars={}, repetition=0),
        simulator=shell,
        sandbox=UNFENCED,
        limits=Limits(),
    )
    assert simulate(job, place, Watch()).state is RunState.COMPLETED
    found = gather_results(place.result_dir(0))
    return {member.name for member in found.members} | {f"!{one.name}" for one in found.refused}


@pytest.mark.parametrize(
    "script",
    [
        "echo 1 > reports/a.txt",
        "echo 1 > $1/a.txt",
        "rm -r reports; mkdir reports; echo 1 > reports/a.txt",
        "mkdir -p results; echo 2 > results/b.txt; echo 1 > reports/a.txt",
    ],
)
def test_results_are_taken_from_where_the_definition_says(place: Place, script: str) -> None:
    assert results_of(place, script, "reports") == {"results/a.txt"}


def test_they_can_lie_deeper(place: Place) -> None:
    assert results_of(place, "echo 1 > out/reports/a.txt", "out/reports") == {"results/a.txt"}


def test_where_nothing_is_left_there_are_no_results(place: Place) -> None:
    assert results_of(place, "rmdir reports", "reports") == set()


@pytest.mark.parametrize(
    ("script", "result_dir"),
    [
        ("rmdir reports; ln -s $HOME/../../../../../../ours reports", "reports"),
        ("rm -r out; ln -s $HOME/../../../../../../ours out", "out/reports"),
    ],
)
def test_no_link_on_the_way_is_followed(
    place: Place, tmp_path: Path, script: str, result_dir: str
) -> None:
    (tmp_path / "ours" / "reports").mkdir(parents=True)
    (tmp_path / "ours" / "reports" / "kept").touch()

    (refused,) = results_of(place, script, result_dir)
    assert refused.startswith("!")
    assert place.result_dir(0).resolve() == tmp_path / "ours"
    assert (tmp_path / "ours" / "reports" / "kept").exists()


def test_a_submitted_file_in_its_place_is_told(place: Place) -> None:
    (place.input_dir / "out").touch()

    with pytest.raises(SimulationError, match="a submitted file stands where Shell leaves"):
        results_of(place, "true", "out/reports")


def test_results_of_a_run_whose_worker_died_for_good_are_delivered(place: Place) -> None:
    (place.working_dir(0) / "out" / "reports").mkdir(parents=True)
    expect_away(place, 0, "out/reports")
    (place.working_dir(0) / "out" / "reports" / "a.sca").write_text(
        "version 3\nrun A-0\nscalar Net x 1\n"
    )
    died = RunOutcome(number=0, state=RunState.FAILED, reason="Its worker died 3 times.")
    job = Finish(submission=SUBMISSION, outcomes=(died,), delivery_id=UUID(int=2), is_careful=True)

    for _ in range(2):  # also where packing is tried again
        packed = finish(job, place, Watch())

        with zipfile.ZipFile(place.crate_path(job.delivery_id, packed.file_name)) as crate:
            assert any(name.endswith("a.sca") for name in crate.namelist())


def test_results_that_cannot_be_brought_home_cost_no_other_run_its_crate(place: Place) -> None:
    place.working_dir(0).mkdir(parents=True)
    expect_away(place, 0, ".")  # no directory can be moved into itself
    place.result_dir(1).mkdir(parents=True)
    (place.result_dir(1) / "a.sca").write_text("version 3\nrun A-1\nscalar Net x 1\n")
    outcomes = tuple(
        RunOutcome(number=number, state=RunState.FAILED, reason="") for number in (0, 1)
    )
    job = Finish(submission=SUBMISSION, outcomes=outcomes, delivery_id=UUID(int=2), is_careful=True)

    packed = finish(job, place, Watch())

    assert any("the results of run 0 could not be taken" in one for one in packed.problems)
    with zipfile.ZipFile(place.crate_path(job.delivery_id, packed.file_name)) as crate:
        assert any(name.endswith("run-1/a.sca") for name in crate.namelist())
