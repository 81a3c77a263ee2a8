"""Chores: what all workers together do once in a while, however many they are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from simcrate.portal.deliveries.models import Chore
from simcrate.portal.queue.rows import reaching_rows

EVERY = {
    "runs": timedelta(minutes=10),
    "lost": timedelta(minutes=10),
    "sweep": timedelta(hours=1),
    "spool": timedelta(hours=1),
    "remind": timedelta(hours=6),
    "examine": timedelta(days=1),
    "parts": timedelta(days=1),
}
"""All kinds of chores; the name of one that a machine does for itself is its kind and the machine's name."""

AT_ONCE = timedelta(minutes=1)
"""Whoever begins while we look begins a moment after us; that is no clock that was ahead."""


def overdue_chores(machines: Collection[str]) -> dict[str, timedelta]:
    """Since when each chore is due and was not begun; those of other machines than these are left out."""
    ages = Chore.objects.annotate(age=Now() - F("begun_at")).values_list("name", "age")
    overdue: dict[str, timedelta] = {}
    for name, age in ages:
        kind, _, machine = name.partition(" ")
        if kind in EVERY and (not machine or machine in machines):
            overdue[name] = max(age - EVERY[kind], timedelta(0))
    return overdue


def forget_chores(machine: str, *, but: Collection[str]) -> None:
    """Those that the machine has no longer, as after its settings were changed, are never overdue."""
    its_own = [f"{kind} {machine}" for kind in EVERY]
    with reaching_rows():
        Chore.objects.filter(name__in=its_own).exclude(name__in=but).delete()


def take_chore(name: str, *, every: timedelta) -> bool:
    """Whether the caller is to do it now; by the database's clock, and true for one caller only.

    The first time is due when it was asked for so long ago.  What begins in the future was begun by a clock
    that was ahead, and is due, too: else it would wait for as long as that was.
    """
    with reaching_rows(), transaction.atomic():
        Chore.objects.get_or_create(name=name, defaults={"begun_at": Now()})
        long_ago, in_future = Q(begun_at__lte=Now() - every), Q(begun_at__gt=Now() + AT_ONCE)
        due = Chore.objects.filter(long_ago | in_future, name=name)
        return bool(due.update(begun_at=Now()))
