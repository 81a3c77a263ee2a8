"""Which workers there are, and what they offer."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from simcrate.portal.workers.models import Worker
from simcrate.simulators.definition import Simulator

ALIVE = timedelta(seconds=60)
"""Who was not seen for so long counts as gone; a worker shows itself every 10 s."""


def alive_workers() -> QuerySet[Worker]:
    """Those that showed themselves lately; not those of a clock that was ahead."""
    return Worker.objects.filter(seen_at__gte=Now() - ALIVE, seen_at__lte=Now() + ALIVE)


def machines_seen_since(ago: timedelta) -> set[str]:
    """The names of machines that had a worker alive within that time."""
    seen = Worker.objects.filter(seen_at__gte=Now() - ago)
    return set(seen.order_by().values_list("machine", flat=True).distinct())


def other_machines(machine: str) -> list[str]:
    """The names of the machines, other than this one, that have a worker alive."""
    others = alive_workers().exclude(machine=machine)
    return sorted(set(others.values_list("machine", flat=True)))


def offers(worker: Worker, simulator: Simulator) -> bool:
    """Whether the worker can be given runs of that simulator."""
    has_tags = simulator.tags <= frozenset(worker.tags.split())
    return has_tags and (simulator.is_ours or not worker.sandbox_note)


def is_offered(simulator: Simulator) -> bool:
    """Whether anybody alive can be given its runs."""
    return any(offers(worker, simulator) for worker in alive_workers())


def lacks_disk_space(simulator: Simulator) -> bool:
    """Whether all who can be given its runs begin none, for want of space on their disks."""
    offering = [worker for worker in alive_workers() if offers(worker, simulator)]
    return bool(offering) and all(worker.is_short_of_disk for worker in offering)
