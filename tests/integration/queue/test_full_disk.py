"""A disk without space costs no run: none is begun on it, and one that does not fit is given back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from threading import Event

import pytest
from django.conf import settings

from simcrate.cli.bench import make_bench
from simcrate.pipeline.jobs import RunState
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.portal.simulations.models import Run, Simulation, SubmittedFile
from simcrate.portal.workers.models import Worker
from simcrate.simulators.definition import OPPSIM
from simcrate.worker.port import WorkKind
from simcrate.worker.supervisor import Supervisor
from simcrate.worker.tasks import Bench, perform
from tests.servers.disks import full_disk

FILE_BYTES = 1_000_000


@pytest.mark.parametrize("has_inputs", [False, True])
def test_a_run_that_there_is_no_space_to_begin_is_given_back(
    simulation: Simulation, *, has_inputs: bool
) -> None:
    place = Place(settings.VAR_DIR, simulation.pk)
    content = bytes(FILE_BYTES)
    SubmittedFile.objects.create(simulation=simulation, name="trace.csv", content=content)
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


def test_a_worker_whose_disk_has_space_is_brought_runs() -> None:
    assert OPPSIM.name in look_once(make_bench(), runs=0)
    assert not Worker.objects.get().is_short_of_disk
