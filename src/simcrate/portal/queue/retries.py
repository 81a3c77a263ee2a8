"""When failed work is tried again, where the database's clock was wrong when that was written."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation

LATEST = timedelta(hours=2)
"""Our own waits are an hour at most; a storage backend that asks for more is asked again and says so."""


def bring_retries_back() -> None:
    """A clock that was ahead put them off for as long as it was ahead."""
    _bring_back(Simulation.objects.filter(packed_at=None, nothing_to_pack=False))
    _bring_back(Delivery.objects.filter(spool_released_at=None))


def _bring_back(rows: QuerySet[Simulation] | QuerySet[Delivery]) -> None:
    rows.filter(retry_at__gt=Now() + LATEST).update(retry_at=Now() + LATEST)
