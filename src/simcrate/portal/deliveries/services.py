"""What people may do to deliveries of theirs: keep them longer, deliver the crate again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState, link_policy
from simcrate.delivery.jsonform import link_to_json, stored_from_json
from simcrate.errors import BadInputError
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery
from simcrate.portal.deliveries.repeating import crate_source, repeat
from simcrate.portal.limits.queries import why_no_more_storage
from simcrate.portal.queue.wake import wake
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import active_backends, open_storage
from simcrate.storage import StorageBackend as OpenedBackend

Opener = Callable[[StorageBackend], OpenedBackend]


def extend_delivery(
    delivery: Delivery, *, by: User, opener: Opener = open_storage
) -> datetime | None:
    """Keep a crate as long as its storage backend keeps crates at most, counted from now.

    The provider's own expiry of the link is moved first; when that fails nothing has changed.

    Returns:
        the new expiry; None: for ever.

    Raises:
        BadInputError: there is nothing to extend: it is on its way, has expired, or is kept as long.
        StorageError: the storage backend cannot be reached, or refuses.
    """
    keep_days = delivery.storage.keep_days
    now = _database_now()
    expires_at = now + timedelta(days=keep_days) if keep_days else None
    _require_extendable(delivery, now, expires_at)
    stored = stored_from_json(delivery.stored)
    assert stored is not None
    with closing(opener(delivery.storage)) as backend:
        link = backend.link(stored, link_policy(keep_days, now))
    with transaction.atomic():
        kept = Delivery.objects.filter(
            pk=delivery.pk, state=DeliveryState.ANNOUNCED, expires_at__gt=Now()
        )
        if not kept.update(
            expires_at=expires_at,
            keep_days=keep_days,
            link=link_to_json(link),
            link_url=link.url,
        ):
            raise _expired()
        note = f"until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "for ever"
        record_event(delivery, "extended", who=by.get_username(), note=note)
    return expires_at


def _require_extendable(delivery: Delivery, now: datetime, expires_at: datetime | None) -> None:
    if delivery.state != DeliveryState.ANNOUNCED:
        raise _expired() if delivery.removed_at else BadInputError(_not_announced(delivery))
    if delivery.expires_at is None:
        raise BadInputError("could not extend the delivery: the crate is kept for ever already")
    if delivery.expires_at <= now:
        raise _expired()
    if expires_at is not None and expires_at <= delivery.expires_at:
        message = (
            f"could not extend the delivery: {delivery.storage} keeps crates for "
            f"{delivery.storage.keep_days} days at most, and this one until "
            f"{delivery.expires_at:%Y-%m-%d %H:%M} UTC already"
        )
        raise BadInputError(message)


def deliver_again(simulation: Simulation, *, storage_id: str, by: User) -> Delivery:
    """Deliver the crate of a simulation once more, to the same or to another storage backend.

    It is a delivery of its own; earlier ones stay as they are.

    Raises:
        BadInputError: no such active storage backend; no crate to be had any more; it is on its way there
            already; or the owner's crates would take more than they may.
    """
    choices = {one.identifier: one for one in active_backends()}
    storage = choices.get(storage_id)
    if storage is None:
        known = ", ".join(choices) or "none"
        message = f"there is no active storage backend '{storage_id}'; choose one of: {known}"
        raise BadInputError(message)
    with transaction.atomic():
        Simulation.objects.select_for_update().get(pk=simulation.pk)
        source = crate_source(simulation)
        if source is None:
            message = (
                f"could not deliver '{simulation}' again: its crate is in no spool any more, and no link "
                "without a password leads to it; pack it again while its results are kept, or run it again"
            )
            raise BadInputError(message)
        if _under_way(simulation).filter(storage=storage).exists():
            raise BadInputError(f"the crate is on its way to {storage} already")
        to_come = _under_way(simulation).aggregate(total=Sum("size_bytes"))["total"] or 0
        more_bytes = source.size_bytes + to_come
        if reason := why_no_more_storage(simulation.owner, more_bytes=more_bytes):
            raise BadInputError(f"could not deliver '{simulation}' again: {reason}")
        again = repeat(source, storage, key=uuid.uuid4())
        record_event(source, "delivered again", who=by.get_username(), note=f"to {storage}")
        wake()
    return again


def _under_way(simulation: Simulation) -> QuerySet[Delivery]:
    return simulation.deliveries.filter(state__in=UNDER_WAY)


def _expired() -> BadInputError:
    return BadInputError(
        "could not extend the delivery: it has expired, and its crate is removed; "
        "deliver it again from another storage backend, or run it again"
    )


def _not_announced(delivery: Delivery) -> str:
    return f"could not extend the delivery: it is {delivery.state}"


def _database_now() -> datetime:
    """The clock that expiries are compared with."""
    return StorageBackend.objects.annotate(now=Now()).values_list("now", flat=True)[0]
