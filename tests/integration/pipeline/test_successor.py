"""A run that another worker of the same machine takes over while its first simulator still writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from simcrate.errors import SimulationError
from simcrate.pipeline.jobs import RunOutcome, RunSpec, RunState, Submission
from simcrate.pipeline.place import Place
from simcrate.pipeline.simulate import SimulateJob, simulate
from simcrate.pipeline.watch import Watch
from simcrate.simulators import UNFENCED, Limits, Simulator, SimulatorKind

SUBMISSION = Submission(
    id=UUID(int=1), title="", simulator="writer", ini_name="a.ini", config="A", run_filter="",
    precision_s=10, submitter="Alice", licence="", submitted_at=datetime(2026, 11, 25, tzinfo=UTC),
)  # fmt: skip
WRITES_FOR_EVER = "while :; do mkdir -p results/$((i=i+1)); echo $i > results/$i/of-the-first; done"
WRITES = "echo whole > results/of-the-second; sleep 1; echo end >> results/of-the-second"


def run(place: Place, script: str) -> RunOutcome:
    simulator = Simulator(
        name="writer", title="", kind=SimulatorKind.COMMAND, command=("sh", "-c", script)
    )
    job = SimulateJob(
        submission=SUBMISSION,
        run=RunSpec(number=0, itervars={}, repetition=0),
        simulator=simulator,
        sandbox=UNFENCED,
        limits=Limits(),
    )
    return simulate(job, place, Watch())


def test_who_takes_a_run_over_ends_its_simulator_first_and_the_first_worker_touches_nothing(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, SUBMISSION.id)
    place.input_dir.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, place, WRITES_FOR_EVER)
        _wait_for((place.result_dir(0) / "20").exists)
        second = run(place, WRITES)

        with pytest.raises(SimulationError, match="was taken away"):
            first.result()
    assert second.state is RunState.COMPLETED
    (result,) = place.result_dir(0).iterdir()
    assert result.read_text() == "whole\nend\n"


def _wait_for(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)
