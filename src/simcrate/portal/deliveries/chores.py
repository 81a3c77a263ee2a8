"""Chores: what all workers together do once in a while, however many they are."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from simcrate.portal.deliveries.models import Chore
from simcrate.portal.queue.rows import reaching_rows


def take_chore(name: str, *, every: timedelta) -> bool:
    """Whether the caller is to do it now; by the database's clock, and true for one caller only.

    The first time is due when it was asked for so long ago.
    """
    with reaching_rows(), transaction.atomic():
        Chore.objects.get_or_create(name=name, defaults={"begun_at": Now()})
        due = Chore.objects.filter(name=name, begun_at__lte=Now() - every)
        return bool(due.update(begun_at=Now()))
