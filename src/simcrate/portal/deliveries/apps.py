"""The deliveries app."""

from __future__ import annotations

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.deliveries"
    label = "deliveries"
    default_auto_field = "django.db.models.BigAutoField"
