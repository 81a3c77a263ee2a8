"""Whose crates expire soon without anybody known to have fetched them.

Known are fetches through permalinks only.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState, Reminder
from simcrate.portal.accounts.queries import mail_address
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.permalinks import page_url, permalink_url
from simcrate.portal.queue.rows import reaching_rows

REMIND_DAYS = 3
"""So many days before the expiry; what is kept no longer than that is not reminded of."""


def due_reminders() -> list[Reminder]:
    """Those that nobody was sent yet."""
    rows = Delivery.objects.filter(
        ~Q(reminded_for=F("expires_at")) | Q(reminded_for=None),
        state=DeliveryState.ANNOUNCED,
        expires_at__gt=Now(),
        expires_at__lte=Now() + timedelta(days=REMIND_DAYS),
        keep_days__gt=REMIND_DAYS,
        last_fetched_at=None,
        permalink_revoked=False,
    ).exclude(simulation__notify_email="")
    with reaching_rows():
        told = rows.select_related("simulation__owner", "storage").defer("simulation__summary")
        return [reminder for reminder in map(_reminder, told) if reminder.email]


def reminded(reminder: Reminder) -> None:
    """It is out; a death between sending and this sends the same message once more."""
    with reaching_rows(), transaction.atomic():
        row = Delivery.objects.get(pk=reminder.delivery_id)
        Delivery.objects.filter(pk=row.pk).update(reminded_for=reminder.expires_at)
        record_event(row, "reminded", who="the daily reminder", note=reminder.email)


def _reminder(row: Delivery) -> Reminder:
    assert row.expires_at is not None
    return Reminder(
        delivery_id=row.pk,
        email=mail_address(row.simulation.owner, row.simulation.notify_email),
        title=row.simulation.title,
        storage=row.storage.name,
        expires_at=row.expires_at,
        page_url=page_url(row),
        permalink_url=permalink_url(row),
    )
