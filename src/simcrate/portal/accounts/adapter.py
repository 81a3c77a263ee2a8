"""Who may make an account, and how long allauth's doors stay open."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped package
    """Registration as `SIMCRATE_REGISTRATION` says."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Closed unless the administrators opened it."""
        return bool(settings.ENVIRONMENT.registration == "open")
