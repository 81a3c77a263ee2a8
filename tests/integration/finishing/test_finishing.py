"""The process that finishes: what crashes it costs the statistics and nothing else."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from uuid import UUID

import pytest

from simcrate.errors import CrateError, DiskFullError, StatisticsFullError, WorkEndedError
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import RunOutcome, RunState, Submission
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.worker import finishing

JOB = Finish(
    submission=Submission(
        id=UUID(int=1), title="Study", simulator="oppsim", ini_name="omnetpp.ini", config="A",
        run_filter="", precision_s=1, submitter="Alice", licence="",
        submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
    ),
    outcomes=(RunOutcome(number=0, state=RunState.COMPLETED, reason=""),),
    delivery_id=UUID(int=2),
    is_careful=False,
)  # fmt: skip
SCALARS = "version 3\nrun A-0\nattr configname A\nscalar Net x 1\n"
PRELUDE = (
    "import sys; from simcrate.worker import finishing; from simcrate.pipeline import pack, parse; "
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path, JOB.submission.id)
    place.input_dir.mkdir(parents=True)
    (place.input_dir / "omnetpp.ini").write_text("[Config A]\n")
    place.result_dir(0).mkdir(parents=True)
    (place.result_dir(0) / "a.sca").write_text(SCALARS)
    return place


def crash(monkeypatch: pytest.MonkeyPatch, how: str, stage: str = "parse") -> None:
    """Make a stage crash its process, as hostile results might."""
    script = f"{PRELUDE}{stage}.{stage} = lambda *_: {how}; finishing.main()"
    monkeypatch.setattr(finishing, "COMMAND", (sys.executable, "-c", script))


def test_a_simulation_is_finished_in_another_process(place: Place) -> None:
    watch = Watch()
    packed = finishing.finish_apart(JOB, place, watch)

    assert packed.problems == ()
    assert packed.summary["rows"]
    assert place.crate_path(JOB.delivery_id, packed.file_name).stat().st_size == packed.size_bytes
    assert watch.take() is not None


@pytest.mark.parametrize(
    "how", ["__import__('os').abort()", "__import__('os')._exit(0)", "bytearray(1 << 60)"]
)
def test_what_crashes_the_reader_costs_the_statistics_and_nothing_else(
    place: Place, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    crash(monkeypatch, how)
    packed = finishing.finish_apart(JOB, place, Watch())

    assert packed.problems
    assert place.crate_path(JOB.delivery_id, packed.file_name).exists()


def test_an_error_that_nobody_foresaw_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, "1 / 0", stage="pack")

    with pytest.raises(CrateError, match="was ended by ZeroDivisionError") as caught:
        finishing.finish_apart(JOB, place, Watch())
    assert caught.value.detail == "division by zero"


def test_what_the_process_logs_is_about_its_simulation(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    crash(monkeypatch, "1 / 0")
    finishing.finish_apart(JOB, place, Watch())

    (line,) = [one for one in capfd.readouterr().err.splitlines() if "stage.crashed" in one]
    assert line.endswith(f"stage=parse kind=finish claim={UUID(int=1)} simulation={UUID(int=1)}")


def test_the_process_is_the_first_to_go_when_memory_runs_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, "{}[open('/proc/self/oom_score_adj').read().strip()]", stage="pack")

    with pytest.raises(CrateError) as caught:
        finishing.finish_apart(JOB, place, Watch())
    assert caught.value.detail == "'1000'"


def test_the_process_gets_nothing_of_the_workers_settings(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMCRATE_DATABASE_URL", "postgresql://simcrate:canary@10.0.0.2/simcrate")
    monkeypatch.setenv("MPLCONFIGDIR", str(place.var_dir / "fonts"))
    crash(monkeypatch, "{}[str(dict(__import__('os').environ))]", stage="pack")

    with pytest.raises(CrateError) as caught:
        finishing.finish_apart(JOB, place, Watch())
    assert "canary" not in caught.value.detail
    assert "MPLCONFIGDIR" in caught.value.detail


def test_a_process_that_cannot_start_is_an_error_that_is_retried(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "COMMAND", (sys.executable, "-c", "raise SystemExit(7)"))

    with pytest.raises(CrateError, match="exit code 7") as caught:
        finishing.finish_apart(JOB, place, Watch())
    assert caught.value.retryable


def test_an_error_that_was_foreseen_comes_through(place: Place) -> None:
    (place.var_dir / "spool").write_text("a file where a directory should be")

    with pytest.raises(CrateError, match="could not"):
        finishing.finish_apart(JOB, place, Watch())


@pytest.mark.parametrize(
    ("stage", "kind"), [("parse", StatisticsFullError), ("pack", DiskFullError)]
)
def test_a_full_disk_is_told_from_a_stage_that_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, stage: str, kind: type[DiskFullError]
) -> None:
    full = "OSError(28, 'No space left on device')"
    crash(monkeypatch, f"(_ for _ in ()).throw({full})", stage=stage)

    with pytest.raises(DiskFullError, match="make room") as caught:
        finishing.finish_apart(JOB, place, Watch())
    assert caught.type is kind


def test_a_worker_that_ends_takes_the_process_along(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, "__import__('time').sleep(60)")
    watch = Watch()
    Timer(1.0, watch.abandon).start()

    with pytest.raises(WorkEndedError):
        finishing.finish_apart(JOB, place, watch)
