"""A crate that could not be packed is tried again, less and less often."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from simcrate.errors import CrateError
from simcrate.pipeline.jobs import RunOutcome, RunState
from simcrate.portal.queue.port import PACK_RETRY_S, RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.worker.port import Claim, WorkKind


def claimed(port: RowsPort, kind: WorkKind) -> Claim:
    claim = port.claim([kind])
    assert claim is not None
    return claim


def test_packing_that_fails_again_waits_longer(simulation: Simulation, worker: RowsPort) -> None:
    Run.objects.filter(number=1).delete()
    outcome = RunOutcome(number=0, state=RunState.COMPLETED, reason="")
    worker.end_run(claimed(worker, WorkKind.RUN), outcome)
    for _ in range(3):
        Simulation.objects.update(retry_at=None)
        worker.not_packed(claimed(worker, WorkKind.FINISH), CrateError("it changed meanwhile"))

    later = Now() + timedelta(seconds=2 * PACK_RETRY_S)
    assert Simulation.objects.filter(retry_at__gt=later).exists()
