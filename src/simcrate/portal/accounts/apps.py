"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Named here because the package is nested."""

    name = "simcrate.portal.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
