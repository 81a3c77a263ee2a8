"""Deliveries over the API: list, extend, deliver again, discard."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Form, Router, Schema, Status

from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.discarding import discard_crate
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.permalinks import permalink_url
from simcrate.portal.deliveries.services import deliver_again, extend_delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.queries import visible_to

router = Router()


class OneDelivery(Schema):
    """One of a simulation's deliveries."""

    id: UUID
    storage_backend_id: str
    account: str
    """Where it went to there, without credentials; empty until it is there."""
    state: str
    link: str
    permalink: str
    created_at: datetime
    expires_at: datetime | None
    """Null: not set yet, or kept for ever."""
    removed_at: datetime | None
    discarded_at: datetime | None
    """When somebody gave up the crate that could not be delivered; null: nobody has."""
    last_fetched_at: datetime | None
    """Through its permalink; other fetches are not seen."""
    error: str

    @classmethod
    def of(cls, row: Delivery) -> OneDelivery:
        """From its row."""
        return cls(
            id=row.pk,
            storage_backend_id=row.storage.identifier,
            account=row.account,
            state=row.state,
            link=row.link_url,
            permalink=permalink_url(row),
            created_at=row.created_at,
            expires_at=row.expires_at,
            removed_at=row.removed_at,
            discarded_at=row.discarded_at,
            last_fetched_at=row.last_fetched_at,
            error=row.error,
        )


class AgainIn(Schema):
    """Where to."""

    storage_backend_id: str = ""


@router.get("/simulations/{uuid:simulation_id}/deliveries", response=list[OneDelivery])
def list_deliveries(request: HttpRequest, simulation_id: UUID) -> list[OneDelivery]:
    """All deliveries of a simulation, newest first."""
    rows = _simulation(request, simulation_id).deliveries.select_related("storage")
    return [OneDelivery.of(row) for row in rows]


@router.post("/simulations/{uuid:simulation_id}/deliveries", response={201: OneDelivery})
def deliver_once_more(
    request: HttpRequest, simulation_id: UUID, wish: Form[AgainIn]
) -> Status[OneDelivery]:
    """Deliver the crate again, to the same or to another storage backend."""
    row = deliver_again(
        _simulation(request, simulation_id),
        storage_id=wish.storage_backend_id,
        by=_user(request),
    )
    row.refresh_from_db()
    return Status(201, OneDelivery.of(row))


@router.post("/simulations/{uuid:simulation_id}/discard", response={202: list[OneDelivery]})
def discard(request: HttpRequest, simulation_id: UUID) -> Status[list[OneDelivery]]:
    """Give up the crate that could not be delivered; a worker removes it soon."""
    discard_crate(_simulation(request, simulation_id), who=_user(request).get_username())
    return Status(202, list_deliveries(request, simulation_id))


@router.post("/deliveries/{uuid:delivery_id}/extend", response=OneDelivery)
def extend(request: HttpRequest, delivery_id: UUID) -> OneDelivery:
    """Keep a crate as long as its storage backend keeps crates, counted from now."""
    owned = Delivery.objects.filter(simulation__in=visible_to(_user(request)))
    row = get_object_or_404(owned.select_related("storage"), pk=delivery_id)
    extend_delivery(row, by=_user(request))
    row.refresh_from_db()
    return OneDelivery.of(row)


def _user(request: HttpRequest) -> User:
    """Whoever the token or the session stands for."""
    user: User = request.auth  # type: ignore[attr-defined]  # set by ninja
    return user


def _simulation(request: HttpRequest, simulation_id: UUID) -> Simulation:
    """Somebody else's simulation is not there."""
    return get_object_or_404(visible_to(_user(request)), pk=simulation_id)
