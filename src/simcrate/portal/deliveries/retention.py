"""Retention on rows: what has expired, and who removed it when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState, Expired, Known
from simcrate.delivery.jsonform import link_from_json, stored_from_json
from simcrate.errors import SimCrateError
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.rows import reaching_rows
from simcrate.portal.queue.sightings import Sightings

RETRY_AFTER = timedelta(hours=1)

Overdue = Sightings[tuple[UUID, datetime | None]]
"""Deliveries that are past this expiry."""

_SETTLED = [DeliveryState.ANNOUNCED, DeliveryState.EXPIRING, DeliveryState.FAILED]
"""A delivery that failed after its upload has left a crate there as well; it stays `failed`."""

_ARRIVED = [*_SETTLED, DeliveryState.REMOVED]


class RowRetention:
    """Implements `simcrate.delivery.RetentionLedger`.

    Args:
        who: whom the events name: a user, or the part of SimCrate that sweeps.
        overdue: what was past its expiry at earlier looks; by default one look is enough.
    """

    def __init__(self, who: str, overdue: Overdue | None = None) -> None:
        self._who = who
        self._overdue = overdue or Overdue(lasting_s=0.0)

    def expired(self) -> Sequence[Expired]:
        """Past their expiry by the database's clock, for long enough by our own, and due."""
        with reaching_rows():
            overdue = self._overdue.lasting(_removable().values_list("pk", "expires_at"))
            rows = list(_removable().filter(_is_due()).select_related("storage"))
        return [_expired(row) for row in rows if (row.pk, row.expires_at) in overdue]

    def expiring(self, expired: Expired) -> bool:
        """Commit to the removal; false when it was extended or removed meanwhile."""
        with reaching_rows(), transaction.atomic():
            row = _removable().select_for_update().filter(pk=expired.delivery_id).first()
            if row is None:
                return False
            if row.state == DeliveryState.ANNOUNCED:
                _rows(expired).update(state=DeliveryState.EXPIRING, retry_at=None, error="")
                record_event(row, "expiring", who=self._who)
        return True

    def removed(self, expired: Expired) -> None:
        """It is gone; said once."""
        with reaching_rows(), transaction.atomic():
            if _rows(expired).filter(removed_at=None).update(removed_at=Now(), retry_at=None):
                _expiring(expired).update(state=DeliveryState.REMOVED, error="", error_code="")
                record_event(_rows(expired).get(), "removed", who=self._who)

    def not_removed(self, expired: Expired, error: SimCrateError) -> None:
        """Tried again in an hour; the reason is an event when it is a new one."""
        with reaching_rows(), transaction.atomic():
            row = _rows(expired).get()
            _rows(expired).filter(removed_at=None).update(retry_at=Now() + RETRY_AFTER)
            _expiring(expired).update(error=str(error), error_code=error.code)
            last = row.events.filter(what="not removed").first()
            if last is None or last.note != str(error):
                record_event(row, "not removed", who=self._who, note=str(error))

    def known(self, storage_id: str) -> Known:
        """Crates that are there, and deliveries that are on their way."""
        with reaching_rows():
            rows = Delivery.objects.filter(storage__identifier=storage_id)
            stored = rows.filter(removed_at=None, stored__isnull=False)
            under_way = rows.exclude(state__in=_ARRIVED).values_list("pk", flat=True)
            return Known(
                remote_ids=set(stored.values_list("stored__remote_id", flat=True)),
                delivery_ids={str(key) for key in under_way},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A crate whose removal was put off."""

    file_name: str
    storage: str
    link_ends_at: datetime | None
    """Where the provider ends its link before the new expiry, unless it was extended since; None: it does not."""

    @property
    def doubt(self) -> str:
        """What nobody may rely on; empty: nothing."""
        ends_at = self.link_ends_at
        ends = f"{ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if ends_at else ""
        return f"unless it was extended since, its link ends at {ends}" if ends else ""


def postpone_removals(by: timedelta, *, who: str) -> list[Postponed]:
    """Keep everything that is not committed to removal for so long from now at least.

    Nothing goes earlier because its link ends at its provider: it may have been extended there since.

    Args:
        by: no longer than `LINK_GRACE`, which the providers' own expiries leave to what has not expired.
        who: whom the events name.

    Returns:
        the crates of which the expiry was moved.
    """
    with transaction.atomic():
        until = Now() + by
        early = Delivery.objects.filter(expires_at__lt=until, removed_at=None)
        open_rows = early.exclude(state=DeliveryState.EXPIRING).select_related("storage")
        postponed = []
        for row in open_rows.annotate(now=Now()).select_for_update(of=("self",)):
            Delivery.objects.filter(pk=row.pk).update(expires_at=until)
            one = _postponed(row, until=row.now + by)
            note = f"for {by.days} days from now"
            record_event(row, "extended", who=who, note="; ".join(filter(None, (note, one.doubt))))
            postponed.append(one)
        return postponed


def _postponed(row: Delivery, *, until: datetime) -> Postponed:
    link = link_from_json(row.link)
    ends_at = link.expires_at if link else None
    return Postponed(
        file_name=row.file_name,
        storage=row.storage.name,
        link_ends_at=ends_at if ends_at and ends_at < until else None,
    )


def _removable() -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        expires_at__lte=Now(),
        announced_at__isnull=False,
        stored__isnull=False,
        removed_at=None,
        state__in=_SETTLED,
    )


def _is_due() -> Q:
    return Q(retry_at=None) | Q(retry_at__lte=Now())


def _rows(expired: Expired) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=expired.delivery_id)


def _expiring(expired: Expired) -> QuerySet[Delivery]:
    return _rows(expired).filter(state=DeliveryState.EXPIRING)


def _expired(row: Delivery) -> Expired:
    stored = stored_from_json(row.stored)
    assert stored is not None
    assert row.expires_at is not None
    return Expired(
        delivery_id=row.pk,
        storage_id=row.storage.identifier,
        file_name=row.file_name,
        expires_at=row.expires_at,
        stored=stored,
    )
