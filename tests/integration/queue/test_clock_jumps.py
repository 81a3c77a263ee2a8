"""The database's clock is set forward or back while work is under way.

Here the times in the rows are moved instead: to a row it is the same.  `tests/acceptance/test_clock_jumps.py`
moves the clock itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F, Model
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.lease import LEASE_S
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.queue.sightings import BEATEN_AFTER_S
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulators.services import import_simulators
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import alive_workers
from simcrate.worker.port import Claim, WorkerFacts, WorkKind
from simcrate.worker.supervisor import RECOVER_S
from simcrate.worker.task import BEAT_S
from tests.servers.clocks import Clock

JUMP = timedelta(hours=2)
YEAR = timedelta(days=365)
FACTS = WorkerFacts(
    version="1", sandbox="none", sandbox_note="", tags=frozenset(), cores=2,
    memory_bytes=2**30, disk_free_bytes=2**30, is_short_of_disk=False, tasks=0,
)  # fmt: skip
INET = """
[[simulators]]
name = "inet"
title = "INET 4.5"
version = "4.5"
command = ["/opt/inet/bin/inet"]
"""


def alive(_: str) -> bool:
    return True


def jump(by: timedelta) -> None:
    """What the rows say is this much longer ago, or in the future."""
    move(Run, "lease_until", by)
    move(Worker, "seen_at", by)
    move(Simulation, "created_at", by)


def move(model: type[Model], column: str, by: timedelta) -> None:
    model._default_manager.update(**{column: F(column) - by})


def claimed(worker: RowsPort) -> Claim:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    return claim


def lease_of(claim: Claim) -> timedelta:
    run = Run.objects.annotate(now=Now()).get(pk=claim.id)
    assert run.lease_until is not None
    return run.lease_until - run.now


def test_everybody_has_beaten_before_a_second_look() -> None:
    assert BEAT_S < BEATEN_AFTER_S < RECOVER_S


def test_forward_it_frees_nothing_that_is_alive(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort, clock: Clock
) -> None:
    claim = claimed(worker)
    jump(JUMP)
    assert elsewhere.recover(alive) == 0
    clock.sleep(BEAT_S)
    assert not worker.beat({claim: None})
    clock.sleep(RECOVER_S - BEAT_S)

    assert elsewhere.recover(alive) == 0
    assert Run.objects.get(pk=claim.id).fence == claim.fence


def test_forward_it_frees_what_is_dead_at_the_second_look(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort, clock: Clock
) -> None:
    claimed(worker)
    jump(JUMP)
    elsewhere.recover(alive)
    clock.sleep(RECOVER_S)

    assert elsewhere.recover(alive) == 1


def test_looks_that_follow_each_other_at_once_are_one_look(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort, clock: Clock
) -> None:
    claimed(worker)
    jump(JUMP)
    for _ in range(5):
        clock.sleep(0.1)
        assert elsewhere.recover(alive) == 0


def test_two_jumps_are_not_taken_for_one_dead_worker(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort, clock: Clock
) -> None:
    claim = claimed(worker)
    for _ in range(2):
        jump(JUMP)
        assert elsewhere.recover(alive) == 0
        clock.sleep(RECOVER_S)
        assert not worker.beat({claim: None})


def test_back_it_makes_no_lease_longer_than_a_fresh_one(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort
) -> None:
    claim = claimed(worker)
    jump(-JUMP)
    assert lease_of(claim) > timedelta(hours=1)
    elsewhere.recover(alive)

    assert lease_of(claim) <= timedelta(seconds=LEASE_S)


def test_back_it_takes_no_lease_from_its_owner(
    simulation: Simulation, worker: RowsPort, elsewhere: RowsPort
) -> None:
    claim = claimed(worker)
    jump(-JUMP)

    assert elsewhere.recover(alive) == 0
    assert not worker.beat({claim: None})


def test_forward_it_fails_no_run_whose_worker_shows_itself_again(
    simulation: Simulation, worker: RowsPort, other_worker: RowsPort, clock: Clock
) -> None:
    import_simulators(INET)
    Simulation.objects.update(simulator="inet")
    other_worker.show(FACTS)
    jump(JUMP)
    worker.recover(alive)
    other_worker.show(FACTS)
    clock.sleep(RECOVER_S)
    worker.recover(alive)

    assert set(Run.objects.values_list("state", flat=True)) == {RunState.QUEUED}


def test_forward_by_days_it_forgets_no_worker_that_is_to_drain(
    worker: RowsPort, other_worker: RowsPort, clock: Clock
) -> None:
    other_worker.show(FACTS)
    Worker.objects.update(is_draining=True)
    jump(YEAR)
    worker.recover(alive)
    assert other_worker.show(FACTS)
    clock.sleep(RECOVER_S)
    worker.recover(alive)

    assert other_worker.show(FACTS)


def test_a_worker_that_was_gone_for_a_day_is_forgotten(worker: RowsPort, clock: Clock) -> None:
    worker.show(FACTS)
    jump(timedelta(days=2))
    worker.recover(alive)
    clock.sleep(RECOVER_S)
    worker.recover(alive)

    assert not Worker.objects.exists()


def test_back_it_makes_a_gone_worker_one_that_was_seen_just_now(worker: RowsPort) -> None:
    worker.show(FACTS)
    jump(-YEAR)
    worker.recover(alive)

    row = Worker.objects.annotate(now=Now()).get()
    assert row.now - row.seen_at < timedelta(minutes=1)


def test_back_it_lets_no_worker_look_alive_that_does_not_show_itself_again(
    worker: RowsPort,
) -> None:
    worker.show(FACTS)
    jump(-JUMP)
    assert not alive_workers().exists()
    worker.show(FACTS)

    assert alive_workers().exists()


@pytest.mark.parametrize("kind", [WorkKind.FINISH, WorkKind.DELIVERY])
def test_back_by_a_year_it_puts_no_retry_off_for_that_long(
    simulation: Simulation, worker: RowsPort, kind: WorkKind
) -> None:
    put_off(simulation, kind)
    worker.recover(alive)
    move(Simulation, "retry_at", JUMP)
    move(Delivery, "retry_at", JUMP)

    assert worker.claim([kind]) is not None


def put_off(simulation: Simulation, kind: WorkKind) -> None:
    """It is tried again in a year, by the clock as it is now."""
    Run.objects.update(state=RunState.COMPLETED, machine="here", started_at=Now())
    late: dict[str, Any] = {"retry_at": Now() + YEAR}
    if kind is WorkKind.FINISH:
        Simulation.objects.update(**late)
        return
    Simulation.objects.update(packed_at=Now())
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", file_name="study.zip",
        state=DeliveryState.WAITING, keep_days=7, **late,
    )  # fmt: skip
