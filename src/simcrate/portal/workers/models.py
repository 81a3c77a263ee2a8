"""A worker's row; it says who works where, never what is to be done."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Worker(models.Model):
    """One worker process, while it runs and for a day after."""

    owner = models.CharField(max_length=200, primary_key=True, help_text="as leases name it")
    machine = models.CharField(max_length=100)
    version = models.CharField(max_length=50)
    sandbox = models.CharField(max_length=20, help_text="bubblewrap, none, or why there is none")
    sandbox_note = models.TextField(blank=True)
    tags = models.CharField(max_length=200, blank=True)
    cores = models.PositiveIntegerField(default=1)
    memory_bytes = models.PositiveBigIntegerField(default=0)
    disk_free_bytes = models.PositiveBigIntegerField(default=0)
    is_short_of_disk = models.BooleanField(
        db_default=False, help_text="so little is free that it begins no runs"
    )
    tasks = models.PositiveIntegerField("busy with", default=0)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    is_draining = models.BooleanField(
        "draining", default=False, help_text="finishes what it has, takes no more runs, and ends"
    )

    class Meta:
        ordering = ["machine", "owner"]

    def __str__(self) -> str:
        return self.owner
