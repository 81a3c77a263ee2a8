"""A row that one worker at a time may work on.

A claim raises `fence` by one and sets a lease; every later write of that worker carries the fence, so
that a worker that was paused, partitioned or declared dead cannot overwrite its successor.  All times
are the database's own (`Now()`): clocks of workers never count.
"""

from __future__ import annotations

from django.db import models

LEASE_S = 60
"""How long a claim holds without a heartbeat."""

MAX_RECLAIMS = 2
"""A row whose worker died more often than this is poison and fails."""


class Leased(models.Model):
    """The columns of a lease, for rows that workers claim."""

    lease_owner = models.CharField(max_length=200, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    fence = models.PositiveIntegerField(default=0, editable=False)
    reclaims = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        abstract = True
