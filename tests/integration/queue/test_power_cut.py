"""When the rows say that something is done, a power cut cannot make it undone.

Nobody can cut the power in a test: what was brought to the disk is what `fsync` was called for.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from simcrate.cli.bench import make_bench
from simcrate.pipeline.jobs import RunState
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.portal.simulations.models import Run, Simulation, SubmittedFile
from simcrate.worker.port import WorkKind
from simcrate.worker.tasks import Bench, perform

INI = b"""
[Config Epidemic]
network = OppNet
sim-time-limit = 10s
OppNet.numNodes = 3
"""


class Disk:
    """What reached it."""

    def __init__(self) -> None:
        self.flushed: set[int] = set()
        self.takes_nothing_of = ""

    def fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.name == self.takes_nothing_of:
            raise OSError(5, "Input/output error")
        self.flushed.add(os.fstat(descriptor).st_ino)

    def lacks(self, path: Path) -> list[Path]:
        """What is below and did not reach it, or the way to it."""
        paths = [path, *path.rglob("*"), *path.parents[: path.parents.index(settings.VAR_DIR) + 1]]
        return [path for path in paths if path.stat().st_ino not in self.flushed]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


@pytest.fixture
def place(simulation: Simulation) -> Place:
    SubmittedFile.objects.create(simulation=simulation, name="omnetpp.ini", content=INI)
    return Place(settings.VAR_DIR, simulation.pk)


@pytest.fixture
def bench() -> Bench:
    return make_bench()


def run_one(bench: Bench) -> Run:
    claim = bench.port.claim([WorkKind.RUN])
    assert claim is not None
    perform(bench, claim, Watch())
    return Run.objects.get(pk=claim.id)


def test_a_run_has_ended_only_once_its_results_and_inputs_are_on_the_disk(
    place: Place, bench: Bench, disk: Disk
) -> None:
    run = run_one(bench)

    assert run.state == RunState.COMPLETED
    assert any(place.result_dir(run.number).iterdir())
    assert disk.lacks(place.result_dir(run.number)) == []
    assert disk.lacks(place.log_path(run.number)) == []
    assert disk.lacks(place.input_dir) == []


def test_results_that_the_disk_does_not_take_make_no_run_that_completed(
    place: Place, bench: Bench, disk: Disk
) -> None:
    disk.takes_nothing_of = "simulator.log"
    run = run_one(bench)

    assert run.state == RunState.FAILED
    assert run.reason.endswith("Its results could not be kept: Input/output error.")
