"""The app of what belongs to the whole portal: the frame of its pages, static files, checks."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the system checks."""

    name = "simcrate.portal"
    label = "portal"

    def ready(self) -> None:
        """Import for the effect: each check registers itself."""
        from simcrate.portal import checks  # noqa: F401 - apps must be loaded first
