"""Who did what to a delivery, and when."""

from __future__ import annotations

from simcrate.portal.deliveries.models import Delivery, DeliveryEvent


def record_event(delivery: Delivery, what: str, *, who: str, note: str = "") -> None:
    """Write it down, in the transaction of the change itself."""
    DeliveryEvent.objects.create(delivery=delivery, what=what, who=who, note=note)
