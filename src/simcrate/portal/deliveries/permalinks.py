"""Permalinks: our own address of a crate, good for as long as any link to it is.

The token is itself the capability: whoever has it may fetch the crate, without a login.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.portal.deliveries.models import Delivery


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


def resolve(token: str) -> Resolved | None:
    """Follow a permalink to the newest working link of its simulation; None: there is no such one."""
    asked = Delivery.objects.filter(permalink=token).select_related("simulation", "storage").first()
    if asked is None:
        return None
    if asked.permalink_revoked:
        return Resolved(fate=Fate.REVOKED, delivery=asked)
    working = (
        Delivery.objects.filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            simulation=asked.simulation,
            permalink_revoked=False,
            state__in=[DeliveryState.LINKED, DeliveryState.ANNOUNCED],
        )
        .exclude(link_url="")
        .first()
    )
    if working is not None:
        return Resolved(fate=Fate.READY, delivery=working)
    return Resolved(fate=_fate(asked), delivery=asked)


def revoke(delivery: Delivery) -> None:
    """End a permalink; the storage backend's own link stays as it is."""
    Delivery.objects.filter(pk=delivery.pk).update(permalink_revoked=True)


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
