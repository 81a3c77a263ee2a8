"""What a simulator keeps in its `/tmp` and `/dev/shm` goes when its run has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from simcrate.pipeline.jobs import RunSpec, RunState, Submission
from simcrate.pipeline.place import Place
from simcrate.pipeline.simulate import SimulateJob, simulate
from simcrate.pipeline.watch import Watch
from simcrate.simulators import Limits, SandboxKind, Simulator, SimulatorKind, find_sandbox

pytestmark = pytest.mark.services

SUBMISSION = Submission(
    id=UUID(int=1), title="Study", simulator="shell", ini_name="study.ini", config="General",
    run_filter="", precision_s=10, submitter="Alice", licence="CC-BY-4.0",
    submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path, SUBMISSION.id)
    place.input_dir.mkdir(parents=True)
    (place.input_dir / "study.ini").write_text("[General]\n")
    return place


def run(place: Place, script: str, *, provided: Path | None = None) -> RunState:
    shell = Simulator(
        name="shell",
        title="Shell",
        kind=SimulatorKind.COMMAND,
        command=("sh", "-c", script),
        working_dir=provided,
    )
    job = SimulateJob(
        submission=SUBMISSION,
        run=RunSpec(number=0, itervars={}, repetition=0),
        simulator=shell,
        sandbox=find_sandbox(SandboxKind.BUBBLEWRAP),
        limits=Limits(),
    )
    return simulate(job, place, Watch()).state


def test_temporary_files_go_and_results_stay(place: Place) -> None:
    state = run(place, "mkdir -p results /tmp/a; echo 1 | tee /tmp/a/b /dev/shm/c > results/a.sca")

    assert state is RunState.COMPLETED
    assert (place.result_dir(0) / "a.sca").read_text() == "1\n"
    assert {path.name for path in place.working_dir(0).iterdir()} == {"results", "study.ini"}


def test_a_definition_may_provide_directories_of_the_same_name(
    place: Place, tmp_path: Path
) -> None:
    provided = tmp_path / "provided"
    for name in (".tmp", ".shm"):
        (provided / name).mkdir(parents=True)
    (provided / "data").write_text("1\n")

    assert run(place, "cp data /tmp; cp /tmp/data results", provided=provided) is RunState.COMPLETED
    assert (place.result_dir(0) / "data").read_text() == "1\n"


def test_links_in_their_place_and_in_them_are_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir(mode=0o755)
    (tmp_path / "ours" / "kept").touch()
    ours = tmp_path / "ours"
    state = run(place, f"ln -s {ours} /dev/shm/in; rmdir .tmp; ln -s {ours} .tmp")

    assert state is RunState.COMPLETED
    assert (ours / "kept").exists()
    assert not (place.working_dir(0) / ".tmp").is_symlink()
