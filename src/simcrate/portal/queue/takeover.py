"""What a machine that is lost had still to do, taken over by one that packs and delivers.

A crate is in the spool of the machine that packed it.  When that machine is not seen for hours, its parts are
packed once more from the staging server, which keeps them until an outcome was announced; what has a link is
announced; of what cannot be had any more, the failure is, and the crate stays where it is, to be delivered
again should its machine come back.  Nothing is delivered twice: that machine finds that its rows are somebody
else's, or have ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.repeating import with_working_link
from simcrate.portal.queue.candidates import MACHINE_LOST
from simcrate.portal.queue.models import Part
from simcrate.portal.queue.rows import reaching_rows
from simcrate.portal.queue.sightings import Sightings
from simcrate.portal.queue.wake import wake
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.repacking import TO_BE_PACKED_AGAIN
from simcrate.portal.workers.queries import machines_seen_since

LOST_AFTER = timedelta(hours=6)
"""Longer than it takes to repair most things; packing again costs no more than time."""

WHO = "the look for lost machines"


def take_over(machine: str, unseen: Sightings[str]) -> None:
    """Take over what lost machines have left undone.

    Args:
        machine: that packs and delivers it from now on.
        unseen: the machines that were lost at earlier looks; a clock that jumps makes all look so, once.
    """
    with reaching_rows():
        lost = unseen.lasting(_busy_machines() - machines_seen_since(LOST_AFTER) - {machine})
        for delivery in _undelivered().filter(machine__in=lost).select_related("storage"):
            with transaction.atomic():
                _take_delivery(delivery, machine)
        for simulation in _repacked().filter(machine__in=lost).select_related("storage"):
            with transaction.atomic():
                _take_packing(simulation)


def _busy_machines() -> set[str]:
    """Those that have something to do which no other machine can."""
    machines: set[str] = set()
    for rows in (_undelivered(), _repacked().exclude(machine="")):
        machines.update(rows.order_by().values_list("machine", flat=True).distinct())
    return machines


def _undelivered() -> QuerySet[Delivery]:
    """Without a lease, and nobody but the machine whose spool has the crate can bring it to its end."""
    return Delivery.objects.filter(
        announced_at=None, spool_released_at=None, lease_until=None
    ).exclude(state=DeliveryState.FAILED, error_code=MACHINE_LOST)


def _repacked() -> QuerySet[Simulation]:
    """To be packed again where they were packed before."""
    return Simulation.objects.filter(
        packings__gt=0, packed_at=None, nothing_to_pack=False, lease_until=None
    )


def _take_delivery(delivery: Delivery, machine: str) -> None:
    if _needs_no_spool(delivery):
        _take(delivery, machine=machine)
    elif _has_parts(delivery.simulation_id):
        is_stored = delivery.stored is not None  # swept soon
        expires_at = Now() if is_stored else None
        ends = {"announced_at": Now(), "discarded_at": Now(), "expires_at": expires_at}
        if _take(delivery, **_failure("it is packed again by another one"), **ends):
            rows = Simulation.objects.filter(pk=delivery.simulation_id, lease_until=None)
            rows.update(**TO_BE_PACKED_AGAIN, machine="")
            wake()
    else:
        _take(delivery, **_failure("deliver it again when it is back, or run it again"))
        wake()


def _needs_no_spool(delivery: Delivery) -> bool:
    """It has a link, or the spool is filled again from that of an earlier delivery."""
    earlier = with_working_link(Delivery.objects.filter(repeats=delivery))
    return delivery.state == DeliveryState.LINKED or earlier.exists()


def _take_packing(simulation: Simulation) -> None:
    rows = _repacked().filter(pk=simulation.pk, machine=simulation.machine)
    if _has_parts(simulation.pk):
        rows.update(machine="")
    elif rows.update(packed_at=Now()):
        Delivery.objects.create(
            simulation=simulation,
            storage=simulation.storage,
            machine=simulation.machine,
            keep_days=simulation.storage.keep_days,
            **_failure("pack it again when it is back, or run it again"),
        )
    wake()


def _has_parts(simulation_id: UUID) -> bool:
    parts = Part.objects.filter(run__simulation=simulation_id, fence=F("run__fence"))
    return parts.exclude(staged_at=None).exists()


def _take(delivery: Delivery, **changes: Any) -> bool:  # noqa: ANN401 - columns
    """Change it unless its machine is back and has claimed it."""
    row = _undelivered().filter(pk=delivery.pk, machine=delivery.machine)
    if not row.update(retry_at=None, **changes):
        return False
    record_event(delivery, "taken over", who=WHO, note=f"from {delivery.machine}")
    return True


def _failure(what_now: str) -> dict[str, str]:
    """Columns of a delivery that has failed with its machine."""
    text = f"the machine that had packed it has not been seen for hours; {what_now}"
    return {"state": DeliveryState.FAILED, "error": text, "error_code": MACHINE_LOST}
