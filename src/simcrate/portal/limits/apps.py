"""The limits app."""

from __future__ import annotations

from django.apps import AppConfig


class LimitsConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.limits"
    label = "limits"
    default_auto_field = "django.db.models.BigAutoField"
