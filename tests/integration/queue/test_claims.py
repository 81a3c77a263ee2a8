"""Two workers that look at the same work at the same moment: one of them gets it, once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from simcrate.errors import LeaseLostError
from simcrate.pipeline.jobs import PackedSimulation, RunOutcome, RunState
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.supervisor import RECOVER_S
from tests.servers.clocks import Clock
from tests.servers.overtaking import overtaken_by


def claimed(port: RowsPort, kind: WorkKind) -> Claim:
    claim = port.claim([kind])
    assert claim is not None
    return claim


def end_run(port: RowsPort) -> None:
    claim = claimed(port, WorkKind.RUN)
    number = Run.objects.get(pk=claim.id).number
    port.end_run(claim, RunOutcome(number=number, state=RunState.COMPLETED, reason="Done."))


def pack(port: RowsPort) -> None:
    port.packed(
        claimed(port, WorkKind.FINISH),
        PackedSimulation(
            delivery_id=uuid.uuid4(),
            file_name="study.zip",
            size_bytes=10,
            sha256="ab" * 32,
            summary={},
            problems=(),
        ),
    )


def release_spool(port: RowsPort) -> None:
    claim = claimed(port, WorkKind.DELIVERY)
    port.ledger(claim).spool_released()
    port.release(claim)


def ready_for(kind: WorkKind, port: RowsPort) -> None:
    """One piece of work of that kind is to be done."""
    end_run(port)
    if kind is not WorkKind.RUN:
        end_run(port)
    if kind is WorkKind.DELIVERY:
        pack(port)


@pytest.mark.parametrize("kind", WorkKind)
def test_what_somebody_else_has_claimed_meanwhile_is_not_claimed(
    kind: WorkKind, simulation: Simulation, worker: RowsPort, other_worker: RowsPort
) -> None:
    ready_for(kind, worker)

    with overtaken_by(lambda: claimed(other_worker, kind)):
        assert worker.claim([kind]) is None


@pytest.mark.parametrize(
    ("kind", "does_it"),
    [(WorkKind.RUN, end_run), (WorkKind.FINISH, pack), (WorkKind.DELIVERY, release_spool)],
)
def test_what_somebody_else_has_done_meanwhile_is_not_done_again(
    kind: WorkKind,
    does_it: Callable[[RowsPort], None],
    simulation: Simulation,
    worker: RowsPort,
    other_worker: RowsPort,
) -> None:
    ready_for(kind, worker)

    with overtaken_by(lambda: does_it(other_worker)):
        assert worker.claim([kind]) is None


def test_what_its_owner_renews_meanwhile_is_not_freed(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort, clock: Clock
) -> None:
    claim = claimed(worker, WorkKind.RUN)
    Run.objects.filter(pk=claim.id).update(lease_until=Now() - timedelta(seconds=1))
    elsewhere.recover(lambda _: True)
    clock.sleep(RECOVER_S)

    with overtaken_by(lambda: worker.beat({claim: None})):
        assert elsewhere.recover(lambda _: True) == 0


def test_a_worker_that_claims_again_what_it_had_lost_writes_by_its_newest_claim_only(
    simulation: Simulation, worker: RowsPort
) -> None:
    Run.objects.filter(number=1).delete()
    stale = claimed(worker, WorkKind.RUN)
    worker.recover(lambda _: False)
    fresh = claimed(worker, WorkKind.RUN)

    assert fresh.id == stale.id
    assert worker.beat({stale: None, fresh: None}) == [stale]
    with pytest.raises(LeaseLostError):
        worker.release(stale)


def test_a_run_that_is_given_back_after_a_cancel_is_not_started_again(
    simulation: Simulation, worker: RowsPort, other_worker: RowsPort
) -> None:
    Run.objects.filter(number=1).delete()
    claim = claimed(worker, WorkKind.RUN)
    Simulation.objects.update(cancel_requested_at=Now())
    worker.release(claim)

    assert other_worker.claim([WorkKind.RUN]) is None
