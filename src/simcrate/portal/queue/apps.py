"""The queue as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class QueueConfig(AppConfig):
    """Parts of simulations on their way between machines."""

    name = "simcrate.portal.queue"
    label = "queue"
