"""The deliveries of a simulation, for its page."""

from __future__ import annotations

from typing import Any

from django import template

from simcrate.delivery import DeliveryState
from simcrate.portal.deliveries.discarding import kept_undelivered
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.repeating import crate_source
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.services import active_backends

register = template.Library()


@register.inclusion_tag("deliveries/_deliveries.html")
def deliveries_of(simulation: Simulation) -> dict[str, Any]:
    """All of them, what can be done with each, and where else the crate can go."""
    rows = simulation.deliveries.select_related("storage").prefetch_related("events")
    return {
        "simulation": simulation,
        "rows": [{"delivery": row, "can_extend": _can_extend(row)} for row in rows],
        "storages": active_backends() if crate_source(simulation) else (),
        "can_discard": kept_undelivered().filter(simulation=simulation).exists(),
    }


def _can_extend(delivery: Delivery) -> bool:
    return delivery.state == DeliveryState.ANNOUNCED and delivery.expires_at is not None
