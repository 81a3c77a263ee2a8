"""The simulators app."""

from __future__ import annotations

from django.apps import AppConfig


class SimulatorsConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.simulators"
    label = "simulators"
    default_auto_field = "django.db.models.BigAutoField"
