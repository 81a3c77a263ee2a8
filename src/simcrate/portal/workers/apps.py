"""The workers app."""

from __future__ import annotations

from django.apps import AppConfig


class WorkersConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.workers"
    label = "workers"
    default_auto_field = "django.db.models.BigAutoField"
