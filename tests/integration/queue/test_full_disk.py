"""A disk without space costs no run: none is begun on it, and one that does not fit is given back."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from threading import Event

import pytest
from django.conf import settings

from simcrate.cli.bench import make_bench
from simcrate.errors import DiskFullError
from simcrate.pipeline.jobs import RunState
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.portal.simulations.models import Run, Simulation, SubmittedFile
from simcrate.portal.workers.models import Worker
from simcrate.simulators import SandboxKind, find_sandbox
from simcrate.simulators.definition import OPPSIM
from simcrate.worker import facts
from simcrate.worker.port import WorkKind
from simcrate.worker.supervisor import Supervisor
from simcrate.worker.tasks import Bench, perform
from tests.servers.disks import full_disk

FILE_BYTES = 1_000_000


@pytest.fixture(autouse=True)
def _space_is_found_again() -> Iterator[None]:
    yield
    (settings.VAR_DIR / facts.NO_SPACE).unlink(missing_ok=True)


@pytest.mark.parametrize("has_inputs", [False, True])
def test_a_run_that_there_is_no_space_to_begin_is_given_back(
    simulation: Simulation, *, has_inputs: bool
) -> None:
    place = Place(settings.VAR_DIR, simulation.pk)
    content = bytes(FILE_BYTES)
    for name in ("first.csv", "trace.csv"):
        size = FILE_BYTES if name == "trace.csv" else 1
        SubmittedFile.objects.create(simulation=simulation, name=name, content=content[:size])
    if has_inputs:
        place.input_dir.mkdir(parents=True)
        (place.input_dir / "trace.csv").write_bytes(content)
    bench, watch = make_bench(), Watch()
    claim = bench.port.claim([WorkKind.RUN])
    assert claim is not None
    watch.stop.set()  # it does not pause

    with full_disk(beyond_bytes=FILE_BYTES - 1):
        perform(bench, claim, watch)

    run = Run.objects.get(pk=claim.id)
    assert (run.state, run.reason, run.lease_owner) == (RunState.QUEUED, "", "")
    assert look_once(bench, runs=0) == ()
    assert not [path for path in place.simulation_dir.rglob("first.csv") if not has_inputs]
    assert not place.run_dir(run.number).exists()


class Queue:
    """An engine that notes what it was told, and ends the worker after its first look."""

    busy = 0

    def __init__(self) -> None:
        self.simulators: Collection[str] = ()
        self.has_looked = Event()

    def look(self, simulators: Collection[str], *, is_draining: bool) -> bool:
        self.simulators = simulators
        self.has_looked.set()
        return False

    def stop(self) -> None:
        """There is nothing to let go of."""


def look_once(bench: Bench, *, runs: int) -> Collection[str]:
    """Whose runs the engine of a worker with that many slots of its own may bring."""
    queue = Queue()
    Supervisor(bench, {WorkKind.RUN: runs}, queue).run(queue.has_looked)
    return queue.simulators


@pytest.mark.usefixtures("simulation")
def test_a_worker_whose_disk_is_short_of_space_begins_no_runs_and_says_so() -> None:
    simulators = look_once(replace(make_bench(), least_free_bytes=1 << 62), runs=1)

    assert simulators == ()
    assert set(Run.objects.values_list("state", flat=True)) == {RunState.QUEUED}
    assert Worker.objects.get().is_short_of_disk


@pytest.mark.usefixtures("simulation")
def test_a_worker_whose_disk_takes_no_more_files_begins_no_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facts, "LEAST_FREE_FILES", 1 << 62)

    assert look_once(make_bench(), runs=1) == ()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        FileNotFoundError(errno.ENOENT, "No usable"),
    ],
)
def test_a_sandbox_that_there_is_no_space_to_try_ends_no_worker(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def full() -> None:
        raise error

    find_sandbox.cache_clear()
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/bwrap")
    with pytest.raises(DiskFullError):  # with which a run is given back
        find_sandbox(SandboxKind.BUBBLEWRAP)
    look_once(replace(make_bench(), sandbox_kind=SandboxKind.BUBBLEWRAP), runs=0)
    assert "could not try the sandbox" in Worker.objects.get().sandbox_note


def test_a_worker_that_found_no_space_begins_runs_after_some_minutes() -> None:
    facts.note_no_space(settings.VAR_DIR)
    then = time.time() - facts.SHORT_FOR_S
    os.utime(settings.VAR_DIR / facts.NO_SPACE, (then, then))

    assert look_once(make_bench(), runs=0)


def test_a_worker_whose_disk_has_space_is_brought_runs() -> None:
    assert OPPSIM.name in look_once(make_bench(), runs=0)
    assert not Worker.objects.get().is_short_of_disk
