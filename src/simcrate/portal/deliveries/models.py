"""Deliveries: the rows of the ledger."""

from __future__ import annotations

import secrets
import uuid

from django.db import models
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.portal.queue.lease import Leased

DELIVERY_STATES = [(state.value, state.value) for state in DeliveryState]
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
    keep_days = models.PositiveIntegerField()
    sent_bytes = models.PositiveBigIntegerField(default=0)
    resume = models.JSONField(null=True, blank=True)
    stored = models.JSONField(null=True, blank=True)
    link = models.JSONField(null=True, blank=True)
    link_url = models.TextField(blank=True)
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    announcing_at = models.DateTimeField(null=True, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    spool_released_at = models.DateTimeField(null=True, blank=True)
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
