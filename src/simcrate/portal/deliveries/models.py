"""Deliveries: the rows of the ledger, and who did what to them when."""

from __future__ import annotations

import secrets
import uuid

from django.db import models
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.portal.queue.lease import Leased

DELIVERY_STATES = [(state.value, state.value) for state in DeliveryState]
EVENTS = [
    (name, name)
    for name in (
        "extended",
        "expiring",
        "removed",
        "not removed",
        "not announced",
        "reminded",
        "revoked",
        "delivered again",
        "fell back",
        "taken over",
        "discarded",
    )
]
UNDER_WAY = [
    DeliveryState.SPOOLED,
    DeliveryState.UPLOADING,
    DeliveryState.VERIFYING,
    DeliveryState.WAITING,
]
"""States before there is a link, or a final no."""

PERMALINK_BYTES = 16  # 128 bits: the permalink is itself the capability


def new_permalink() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(PERMALINK_BYTES)


class Delivery(Leased):
    """One crate's way into one storage backend."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    simulation = models.ForeignKey(
        "simulations.Simulation", on_delete=models.PROTECT, related_name="deliveries"
    )
    storage = models.ForeignKey(
        "storages.StorageBackend", on_delete=models.PROTECT, related_name="deliveries"
    )
    state = models.CharField(max_length=12, choices=DELIVERY_STATES, default=DeliveryState.SPOOLED)
    machine = models.CharField(max_length=100, help_text="whose spool holds the crate")
    file_name = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    again_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="repeats",
        help_text="the delivery that has, or had, the same crate",
    )
    keep_days = models.PositiveIntegerField()
    sent_bytes = models.PositiveBigIntegerField(default=0)
    resume = models.JSONField(null=True, blank=True)
    stored = models.JSONField(null=True, blank=True)
    link = models.JSONField(null=True, blank=True)
    link_url = models.TextField(blank=True)
    account = models.CharField(max_length=300, blank=True, help_text="where it went to, there")
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    announcing_at = models.DateTimeField(null=True, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    last_fetched_at = models.DateTimeField(
        null=True, blank=True, help_text="through a permalink; other fetches are not seen"
    )
    reminded_for = models.DateTimeField(
        null=True, blank=True, help_text="the expiry that its owner was reminded of"
    )
    spool_released_at = models.DateTimeField(null=True, blank=True)
    discarded_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when somebody gave up the crate that could not be delivered",
    )
    permalink = models.CharField(max_length=40, unique=True, default=new_permalink)
    permalink_revoked = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="delivery_open",
                condition=models.Q(spool_released_at=None),
            ),
            models.Index(fields=["expires_at"], name="delivery_by_expiry"),
        ]

    def __str__(self) -> str:
        return self.file_name


class DeliveryEvent(models.Model):
    """Something that was done to a delivery after it was announced, or to its permalink."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now())
    who = models.CharField(max_length=200, help_text="a user, or the part of SimCrate that did it")
    what = models.CharField(max_length=20, choices=EVENTS)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.what} by {self.who}"


class Chore(models.Model):
    """Something that all workers together do once in a while: when it was begun last."""

    name = models.CharField(max_length=150, primary_key=True)  # some are of one machine
    begun_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
