"""The storages app."""

from __future__ import annotations

from django.apps import AppConfig


class StoragesConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.storages"
    label = "storages"
    verbose_name = "Storage backends"
    default_auto_field = "django.db.models.BigAutoField"
