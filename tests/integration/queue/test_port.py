"""The worker's port on rows: claims, leases, fences."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from simcrate.delivery import DeliveryState
from simcrate.errors import CrateError, DiskFullError, LeaseLostError, StatisticsFullError
from simcrate.pipeline.jobs import PackedSimulation, Progress, RunOutcome, RunState
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.lease import MAX_RECLAIMS
from simcrate.portal.queue.port import FULL_DISK_TRIES, PACK_TRIES, STATISTICS_FULL_TRIES, RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.supervisor import RECOVER_S
from tests.servers.clocks import Clock

RUN = [WorkKind.RUN]
FINISH = [WorkKind.FINISH]
DELIVERY = [WorkKind.DELIVERY]


def alive(_: str) -> bool:
    return True


def dead(_: str) -> bool:
    return False


def claimed(port: RowsPort, kinds: list[WorkKind]) -> Claim:
    claim = port.claim(kinds)
    assert claim is not None
    return claim


def outcome(number: int, state: RunState = RunState.COMPLETED) -> RunOutcome:
    return RunOutcome(number=number, state=state, reason="Simulation time limit reached.")


def finish_runs(port: RowsPort) -> None:
    for number in (0, 1):
        port.end_run(claimed(port, RUN), outcome(number))


def packed(delivery_id: uuid.UUID) -> PackedSimulation:
    return PackedSimulation(
        delivery_id=delivery_id,
        file_name="study.zip",
        size_bytes=10,
        sha256="ab" * 32,
        summary={"statistics": []},
        problems=(),
    )


def test_each_run_is_claimed_once(
    simulation: Simulation, worker: RowsPort, other_worker: RowsPort
) -> None:
    first, second = claimed(worker, RUN), claimed(other_worker, RUN)

    assert first.id != second.id
    assert {first.run_number, second.run_number} == {0, 1}
    assert worker.claim(RUN) is None


def test_a_claim_raises_the_fence(simulation: Simulation, worker: RowsPort) -> None:
    first = claimed(worker, RUN)
    worker.release(first)

    assert claimed(worker, RUN).fence == first.fence + 1


def test_a_beat_renews_the_lease_and_shows_progress(
    simulation: Simulation, worker: RowsPort
) -> None:
    claim = claimed(worker, RUN)
    Run.objects.filter(pk=claim.id).update(lease_until=Now())
    progress = Progress(stage="simulate", percent=40, event_count=7, log_tail="** Event")

    assert worker.beat({claim: progress}) == []
    run = Run.objects.annotate(now=Now()).get(pk=claim.id)
    assert (run.percent, run.event_count, run.log_tail) == (40, 7, "** Event")
    assert run.lease_until is not None
    assert run.lease_until - run.now > timedelta(seconds=50)


def test_a_worker_that_was_declared_dead_cannot_write(
    simulation: Simulation, worker: RowsPort, other_worker: RowsPort
) -> None:
    stale = claimed(worker, RUN)
    worker.recover(dead)
    fresh = claimed(other_worker, RUN)

    assert fresh.id == stale.id
    assert worker.beat({stale: Progress(stage="simulate", percent=99)}) == [stale]
    writes: list[Callable[[], object]] = [
        lambda: worker.end_run(stale, outcome(0)),
        lambda: worker.release(stale),
    ]
    for write in writes:
        with pytest.raises(LeaseLostError):
            write()
    run = Run.objects.get(pk=fresh.id)
    assert (run.state, run.percent) == (RunState.RUNNING, 0)


def test_a_beat_for_several_claims_renews_those_that_are_not_lost(
    simulation: Simulation, worker: RowsPort, other_worker: RowsPort
) -> None:
    lost = claimed(worker, RUN)
    worker.recover(dead)
    claimed(other_worker, RUN)
    kept = claimed(worker, RUN)
    progress = Progress(stage="simulate", percent=40)

    assert worker.beat({lost: progress, kept: progress}) == [lost]
    assert [run.percent for run in Run.objects.order_by("percent")] == [0, 40]


@pytest.mark.parametrize("impossible", [{"event_count": 10**20}, {"percent": float("nan")}])
def test_progress_that_no_column_takes_costs_no_lease(
    simulation: Simulation, worker: RowsPort, impossible: dict[str, Any]
) -> None:
    odd, even = claimed(worker, RUN), claimed(worker, RUN)
    Run.objects.update(lease_until=Now())

    assert worker.beat({odd: Progress(stage="simulate", **impossible), even: None}) == []
    assert not Run.objects.filter(lease_until__lte=Now() + timedelta(seconds=50)).exists()


def test_the_runs_of_living_workers_are_left_alone(
    simulation: Simulation, worker: RowsPort, other_worker: RowsPort
) -> None:
    claimed(worker, RUN)

    assert other_worker.recover(alive) == 0


def test_the_workers_of_other_machines_are_judged_by_their_lease(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort, clock: Clock
) -> None:
    claim = claimed(worker, RUN)

    assert elsewhere.recover(dead) == 0
    Run.objects.filter(pk=claim.id).update(lease_until=Now() - timedelta(seconds=1))
    assert elsewhere.recover(dead) == 0
    clock.sleep(RECOVER_S)
    assert elsewhere.recover(dead) == 1


def test_a_run_whose_worker_dies_again_and_again_fails(
    simulation: Simulation, worker: RowsPort
) -> None:
    Run.objects.filter(number=1).delete()
    for _ in range(MAX_RECLAIMS + 1):
        claimed(worker, RUN)
        worker.recover(dead)

    run = Run.objects.get()
    assert run.state == RunState.FAILED
    assert run.reason.startswith("Its worker died 3 times")


def test_the_last_lines_of_its_log_say_where_it_was(
    simulation: Simulation, worker: RowsPort
) -> None:
    Run.objects.filter(number=1).delete()
    progress = Progress(stage="simulate", log_tail="Initializing...\n\n** Event #7\nallocating\n")
    for _ in range(MAX_RECLAIMS + 1):
        worker.beat({claimed(worker, RUN): progress})
        worker.recover(dead)

    assert Run.objects.get().reason.endswith(
        "Its log ended with: Initializing... / ** Event #7 / allocating"
    )


def test_a_run_of_a_cancelled_simulation_is_not_tried_again(
    simulation: Simulation, worker: RowsPort
) -> None:
    claim = claimed(worker, RUN)
    Simulation.objects.update(cancel_requested_at=Now())
    worker.recover(dead)

    assert Run.objects.get(pk=claim.id).state == RunState.CANCELLED


def test_finish_waits_for_the_last_run(simulation: Simulation, worker: RowsPort) -> None:
    worker.end_run(claimed(worker, RUN), outcome(0))
    last = claimed(worker, RUN)
    assert worker.claim(FINISH) is None

    worker.end_run(last, outcome(1, RunState.FAILED))
    job = worker.finish_job(claimed(worker, FINISH))

    assert [one.state for one in job.outcomes] == [RunState.COMPLETED, RunState.FAILED]


def test_a_simulation_that_never_started_has_nothing_to_finish(
    simulation: Simulation, worker: RowsPort
) -> None:
    Run.objects.update(state=RunState.CANCELLED)

    assert worker.claim(FINISH) is None


def test_finish_belongs_to_the_machine_that_has_the_runs(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort
) -> None:
    finish_runs(worker)

    assert elsewhere.claim(FINISH) is None


def test_a_finish_that_kills_its_workers_becomes_careful(
    simulation: Simulation, worker: RowsPort
) -> None:
    finish_runs(worker)
    for _ in range(MAX_RECLAIMS + 1):
        assert not worker.finish_job(claimed(worker, FINISH)).is_careful
        worker.recover(dead)

    assert worker.finish_job(claimed(worker, FINISH)).is_careful


def test_every_attempt_at_packing_has_the_same_delivery(
    simulation: Simulation, worker: RowsPort
) -> None:
    finish_runs(worker)
    first = worker.finish_job(claimed(worker, FINISH))
    worker.recover(dead)
    second = worker.finish_job(claimed(worker, FINISH))

    assert first.delivery_id == second.delivery_id


def test_a_packed_crate_is_a_delivery(simulation: Simulation, worker: RowsPort) -> None:
    finish_runs(worker)
    claim = claimed(worker, FINISH)
    worker.packed(claim, packed(worker.finish_job(claim).delivery_id))

    assert worker.claim(FINISH) is None
    record = worker.ledger(claimed(worker, DELIVERY)).read()
    assert record.state is DeliveryState.SPOOLED
    assert record.name == f"{record.id}/study.zip"
    assert record.source.path.parts[-3:] == ("spool", str(record.id), "study.zip")


def test_packing_that_fails_is_tried_again_later_and_in_the_end_announced(
    simulation: Simulation, worker: RowsPort
) -> None:
    finish_runs(worker)
    for _ in range(PACK_TRIES):
        worker.not_packed(claimed(worker, FINISH), CrateError("the disk is full"))
        assert worker.claim(FINISH) is None
        Simulation.objects.update(retry_at=None)

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "the disk is full")
    assert worker.claim(DELIVERY) is not None


def test_packing_waits_for_a_full_disk_as_long_as_a_delivery_does_for_a_full_backend(
    simulation: Simulation, worker: RowsPort
) -> None:
    finish_runs(worker)
    Simulation.objects.update(disk_full=FULL_DISK_TRIES - 2)
    claim = claimed(worker, FINISH)
    assert not worker.finish_job(claim).is_careful
    worker.not_packed(claim, DiskFullError())
    assert Simulation.objects.filter(retry_at__lte=Now() + timedelta(hours=1)).exists()
    Simulation.objects.update(retry_at=None)
    last = claimed(worker, FINISH)
    assert worker.finish_job(last).is_careful  # a crate without statistics is better than none
    worker.not_packed(last, DiskFullError())

    assert Delivery.objects.get().state == DeliveryState.FAILED


def test_another_failure_of_packing_does_not_end_the_wait_for_a_full_disk(
    simulation: Simulation, worker: RowsPort
) -> None:
    finish_runs(worker)
    Simulation.objects.update(disk_full=PACK_TRIES)
    worker.not_packed(claimed(worker, FINISH), CrateError("a blip"))

    assert not Delivery.objects.exists()


def test_statistics_that_fill_the_disk_are_left_out_after_some_tries(
    simulation: Simulation, worker: RowsPort
) -> None:
    finish_runs(worker)
    for _ in range(STATISTICS_FULL_TRIES):
        claim = claimed(worker, FINISH)
        assert not worker.finish_job(claim).is_careful
        worker.not_packed(claim, StatisticsFullError())
        Simulation.objects.update(retry_at=None)

    assert worker.finish_job(claimed(worker, FINISH)).is_careful


@pytest.fixture
def delivery_claim(simulation: Simulation, worker: RowsPort) -> Claim:
    finish_runs(worker)
    claim = claimed(worker, FINISH)
    worker.packed(claim, packed(worker.finish_job(claim).delivery_id))
    return claimed(worker, DELIVERY)


def test_a_delivery_that_waits_is_not_claimed_before_its_time(
    worker: RowsPort, delivery_claim: Claim
) -> None:
    worker.ledger(delivery_claim).waiting(CrateError("no"), retry_in_s=60)
    worker.release(delivery_claim)
    assert worker.claim(DELIVERY) is None

    Delivery.objects.update(retry_at=Now() - timedelta(seconds=1))
    assert worker.claim(DELIVERY) is not None


def test_the_expiry_is_set_with_the_intent_and_not_again(
    worker: RowsPort, delivery_claim: Claim
) -> None:
    ledger = worker.ledger(delivery_claim)
    Delivery.objects.update(state=DeliveryState.LINKED)
    first = ledger.announcing()
    Delivery.objects.update(keep_days=99)

    assert first.expires_at is not None
    assert ledger.announcing().expires_at == first.expires_at


def test_an_announced_delivery_is_done(worker: RowsPort, delivery_claim: Claim) -> None:
    ledger = worker.ledger(delivery_claim)
    Delivery.objects.update(state=DeliveryState.LINKED)
    ledger.announcing()
    ledger.announced()
    ledger.spool_released()
    worker.release(delivery_claim)

    assert ledger.read().state is DeliveryState.ANNOUNCED
    assert worker.claim(DELIVERY) is None


def test_an_announced_delivery_whose_spool_was_not_released_is_taken_up_again(
    worker: RowsPort, delivery_claim: Claim
) -> None:
    ledger = worker.ledger(delivery_claim)
    Delivery.objects.update(state=DeliveryState.LINKED)
    ledger.announcing()
    ledger.announced()
    worker.recover(dead)

    assert worker.claim(DELIVERY) is not None


def test_the_ledger_of_a_lost_lease_refuses_every_write(
    worker: RowsPort, delivery_claim: Claim
) -> None:
    ledger = worker.ledger(delivery_claim)
    worker.recover(dead)
    writes: list[Callable[[], object]] = [
        ledger.uploading,
        ledger.announcing,
        ledger.announced,
        ledger.spool_released,
        lambda: ledger.save_resume({"offset": 1}),
        lambda: ledger.failed(CrateError("no")),
        lambda: ledger.waiting(CrateError("no"), retry_in_s=1),
    ]
    for write in writes:
        with pytest.raises(LeaseLostError):
            write()


def test_the_recipient_learns_what_failed(worker: RowsPort, delivery_claim: Claim) -> None:
    Run.objects.filter(number=1).update(state=RunState.FAILED, reason="It ran out of memory.")
    Simulation.objects.update(problems=["The stage 'statistics' failed: no."])
    worker.ledger(delivery_claim).announcing()

    recipient = worker.recipient(delivery_claim)

    assert recipient.runs == "1 completed, 1 failed"
    assert recipient.problems == (
        "The stage 'statistics' failed: no.",
        "Run 1: It ran out of memory.",
    )


def test_logs_and_summaries_are_not_read_to_finish_and_to_tell(
    worker: RowsPort, simulation: Simulation
) -> None:
    finish_runs(worker)
    with CaptureQueriesContext(connection) as asked:
        claim = claimed(worker, FINISH)
        worker.packed(claim, packed(worker.finish_job(claim).delivery_id))
        delivery_claim = claimed(worker, DELIVERY)
        worker.ledger(delivery_claim).announcing()
        worker.recipient(delivery_claim)

    read = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert not [sql for sql in read if '"log_tail"' in sql or '"summary"' in sql]
