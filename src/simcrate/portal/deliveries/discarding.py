"""Crates that could not be delivered: kept on their worker until they are delivered again, or given up.

Nothing gives one up by itself: the only copy of somebody's results is theirs to throw away.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.errors import BadInputError
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery
from simcrate.portal.simulations.models import Simulation


def kept_undelivered() -> QuerySet[Delivery]:
    """Deliveries that have failed for good and whose crate, or what it was to be made of, is still there."""
    return Delivery.objects.filter(
        state=DeliveryState.FAILED,
        announced_at__isnull=False,
        spool_released_at=None,
        discarded_at=None,
    )


def given_up(simulation: str = "pk") -> Q:
    """That nothing of a simulation was delivered or is under way, and all that failed was discarded.

    Args:
        simulation: the column that names it.
    """
    deliveries = Delivery.objects.filter(simulation=OuterRef(simulation))
    return Q(Exists(deliveries)) & Q(~Exists(deliveries.filter(discarded_at=None)))


def discard_crate(simulation: Simulation, *, who: str) -> None:
    """Give up what could not be delivered of a simulation; its workers remove it soon.

    What its runs left goes too, unless the crate was delivered otherwise: then that stays as long as ever.

    Args:
        simulation: the one whose crates are given up.
        who: whom the events name.

    Raises:
        BadInputError: there is no such crate, or it is on its way.
    """
    with transaction.atomic():
        Simulation.objects.select_for_update().get(pk=simulation.pk)
        kept = list(kept_undelivered().filter(simulation=simulation))
        if not kept:
            message = f"could not discard the crate of '{simulation}': none that failed to be delivered is kept"
            raise BadInputError(message)
        under_way = simulation.deliveries.filter(state__in=UNDER_WAY).select_related("storage")
        if (another := under_way.first()) is not None:
            message = (
                f"could not discard the crate of '{simulation}': it is on its way to {another.storage}; "
                "wait until it is there"
            )
            raise BadInputError(message)
        for delivery in kept:
            Delivery.objects.filter(pk=delivery.pk).update(discarded_at=Now())
            record_event(delivery, "discarded", who=who)
