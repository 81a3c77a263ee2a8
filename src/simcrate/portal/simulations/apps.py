"""The simulations app."""

from __future__ import annotations

from django.apps import AppConfig


class SimulationsConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.simulations"
    label = "simulations"
    default_auto_field = "django.db.models.BigAutoField"
