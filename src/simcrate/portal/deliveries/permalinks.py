"""Permalinks: our own address of a crate, good for as long as any link to it is.

The token is itself the capability: whoever has it may fetch the crate, without a login.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery


class Fate(StrEnum):
    """What became of what a permalink stands for."""

    READY = "ready"
    UNDER_WAY = "under way"
    REVOKED = "revoked"
    EXPIRED = "expired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Where a permalink leads."""

    fate: Fate
    delivery: Delivery
    """The one that has the link, or that the permalink was made for."""


def permalink_url(delivery: Delivery) -> str:
    """The permalink of a delivery, as users get it."""
    return f"{settings.ENVIRONMENT.public_url}/r/{delivery.permalink}"


def page_url(delivery: Delivery) -> str:
    """The page of its simulation."""
    return f"{settings.ENVIRONMENT.public_url}/simulations/{delivery.simulation_id}/"


def fetched(delivery: Delivery) -> None:
    """Somebody was led to the crate."""
    Delivery.objects.filter(pk=delivery.pk).update(last_fetched_at=Now())


def resolve(token: str) -> Resolved | None:
    """Follow a permalink to the newest working link of its simulation; None: there is no such one."""
    asked = Delivery.objects.filter(permalink=token).select_related("storage").first()
    if asked is None:
        return None
    if asked.permalink_revoked:
        return Resolved(fate=Fate.REVOKED, delivery=asked)
    others = Delivery.objects.filter(simulation=asked.simulation_id, permalink_revoked=False)
    working = (
        others.filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            state__in=[DeliveryState.LINKED, DeliveryState.ANNOUNCED],
        )
        .exclude(link_url="")
        .first()
    )
    if working is not None:
        return Resolved(fate=Fate.READY, delivery=working)
    if others.filter(state__in=UNDER_WAY).exists():
        return Resolved(fate=Fate.UNDER_WAY, delivery=asked)
    return Resolved(fate=_fate(asked), delivery=asked)


def revoke(delivery: Delivery, *, by: User) -> None:
    """End a permalink; the storage backend's own link stays as it is."""
    with transaction.atomic():
        standing = Delivery.objects.filter(pk=delivery.pk, permalink_revoked=False)
        if standing.update(permalink_revoked=True):
            record_event(delivery, "revoked", who=by.get_username())


def _fate(delivery: Delivery) -> Fate:
    match DeliveryState(delivery.state):
        case DeliveryState.FAILED:
            return Fate.FAILED
        case (
            DeliveryState.LINKED
            | DeliveryState.ANNOUNCED
            | DeliveryState.EXPIRING
            | DeliveryState.REMOVED
        ):
            return Fate.EXPIRED
        case _:
            return Fate.UNDER_WAY
