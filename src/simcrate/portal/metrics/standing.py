"""How the work stands: numbers of what is open, by queries that never look at what is over.

Ages are by the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Min
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.chores import overdue_chores
from simcrate.portal.deliveries.discarding import kept_undelivered
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery
from simcrate.portal.queue.candidates import UNENDED, to_finish
from simcrate.portal.queue.parts import needed_parts
from simcrate.portal.simulations.models import Run
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import alive_workers

OPEN_STATES = (*UNDER_WAY, DeliveryState.LINKED)
"""States of a delivery that somebody still has to do something for; what has failed for good is another number."""

NOTHING_WAITS = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workforce:
    """The workers that are alive."""

    workers: int
    draining: int
    busy: int
    short_of_disk: int
    """How many begin no runs, because so little is free on their disks."""
    cores: int
    """Of all their machines."""
    free_bytes: Mapping[str, int]
    """On the disk of each machine's var directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How all work stands at one moment."""

    runs: Mapping[RunState, int]
    """Those that wait, and those that run."""
    oldest_queued: timedelta
    """Since the submission of the run that waits longest; 0: none waits."""
    to_finish: int
    """Simulations whose runs have ended and that have no crate yet."""
    deliveries: Mapping[DeliveryState, int]
    """For every state of `OPEN_STATES`."""
    oldest_undelivered: timedelta
    """Since the packing of the crate that is on its way longest; 0: none is."""
    failed_kept: int
    """Deliveries that have failed, and that nobody has repeated or given up."""
    workforce: Workforce
    overdue_chores: Mapping[str, timedelta]


def read_standing() -> Standing:
    """Read it from the rows."""
    workers = list(alive_workers())
    open_deliveries = _open_deliveries()
    under_way = [open_deliveries[state][1] for state in UNDER_WAY if state in open_deliveries]
    return Standing(
        runs={state: Run.objects.filter(state=state).count() for state in UNENDED},
        oldest_queued=_oldest_queued(),
        to_finish=to_finish().count(),
        deliveries={state: open_deliveries.get(state, (0,))[0] for state in OPEN_STATES},
        oldest_undelivered=max(under_way, default=NOTHING_WAITS),
        failed_kept=kept_undelivered().count(),
        workforce=_workforce(workers),
        overdue_chores=_overdue_chores(workers),
    )


def _oldest_queued() -> timedelta:
    """The first in the queue came first, or a moment later."""
    queued = Run.objects.filter(state=RunState.QUEUED).order_by("id")
    age = Now() - F("simulation__created_at")
    return queued.annotate(age=age).values_list("age", flat=True).first() or NOTHING_WAITS


def _open_deliveries() -> dict[str, tuple[int, timedelta]]:
    """How many are in each state, and the age of the oldest; of those whose crate is in a spool."""
    by_state = Delivery.objects.filter(spool_released_at=None).order_by().values("state")
    counted = by_state.annotate(count=Count("pk"), age=Now() - Min("created_at"))
    return {
        state: (count, age) for state, count, age in counted.values_list("state", "count", "age")
    }


def _overdue_chores(workers: list[Worker]) -> dict[str, timedelta]:
    """Parts that nobody needs are not overdue: an installation may have no staging server any more."""
    overdue = overdue_chores({worker.machine for worker in workers})
    if overdue.get("parts") and not needed_parts().exists():
        overdue["parts"] = timedelta(0)
    return overdue


def _workforce(workers: list[Worker]) -> Workforce:
    machines = {worker.machine: worker for worker in workers}
    return Workforce(
        workers=len(workers),
        draining=sum(worker.is_draining for worker in workers),
        busy=sum(worker.tasks > 0 for worker in workers),
        short_of_disk=sum(worker.is_short_of_disk for worker in workers),
        cores=sum(worker.cores for worker in machines.values()),
        free_bytes={name: worker.disk_free_bytes for name, worker in sorted(machines.items())},
    )
