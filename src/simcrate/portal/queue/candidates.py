"""What may be claimed now: one queryset for each kind of work, first come first served."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.queries import held_back
from simcrate.portal.simulations.models import Run, Simulation

MACHINE_LOST = "worker.machine-lost"
"""Error code of a delivery that has failed because nobody sees its machine any more."""

UNENDED = [RunState.QUEUED, RunState.RUNNING]


def claimable_runs() -> QuerySet[Run]:
    """Queued, not cancelled, and of an owner who may start another simulation."""
    # asked of each queued run: what its owner had before would make a long list
    waiting = Simulation.objects.filter(held_back(), pk=OuterRef("simulation"))
    return Run.objects.filter(
        ~Exists(waiting), state=RunState.QUEUED, simulation__cancel_requested_at=None
    ).order_by("id")


def to_finish() -> QuerySet[Simulation]:
    """All runs have ended, at least one was started, and there is no crate yet."""
    unended = Run.objects.filter(simulation=OuterRef("pk"), state__in=UNENDED)
    return Simulation.objects.filter(
        ~Exists(unended), Exists(_started()), packed_at=None, nothing_to_pack=False
    )


def finishable(machine: str, *, has_staging: bool) -> QuerySet[Simulation]:
    """Of those, the ones that are due, in nobody's hands, and whose runs can be had.

    They are on the machine where they ran; with a staging server any machine can fetch them.  What is packed
    again is packed where it was before, unless that machine was lost.
    """
    at_hand = Q(packings=0) | Q(machine__in=["", machine])
    can_be_had = Q() if has_staging else Q(Exists(_started().filter(machine=machine)))
    is_due = Q(retry_at=None) | Q(retry_at__lte=Now())
    return to_finish().filter(at_hand, can_be_had, is_due, lease_until=None).order_by("created_at")


def _started() -> QuerySet[Run]:
    """The runs of a simulation that were started."""
    return Run.objects.filter(simulation=OuterRef("pk")).exclude(started_at=None)


def deliverable(machine: str) -> QuerySet[Delivery]:
    """Not announced or not cleaned up yet, due, and with its crate in the spool of this machine.

    A failed delivery keeps its crate in the spool.  One that failed with its machine is announced by any other.
    """
    is_lost = Q(state=DeliveryState.FAILED, error_code=MACHINE_LOST)
    return Delivery.objects.filter(
        Q(retry_at=None) | Q(retry_at__lte=Now()),
        Q(announced_at=None) | ~Q(state=DeliveryState.FAILED),
        Q(machine=machine) | is_lost,
        spool_released_at=None,
        lease_until=None,
    ).order_by("created_at")
