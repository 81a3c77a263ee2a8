"""Who may make an account, whose address must be confirmed before they log in, where mails lead."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.conf import settings
from django.http import HttpRequest, HttpResponse


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped package
    """Registration as `SIMCRATE_REGISTRATION` says, mails that lead to `SIMCRATE_PUBLIC_URL`."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Closed unless the administrators opened it."""
        return bool(settings.ENVIRONMENT.registration == "open")

    def get_login_stages(self) -> list[str]:
        """allauth's, with our own confirmation of addresses."""
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = f"{__name__}.{ConfirmationStage.__name__}"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """allauth's, but what the mail says of the portal's address is nothing that a request said."""
        url = settings.ENVIRONMENT.public_url
        site = {"name": "SimCrate", "domain": url}
        led = {key: _moved(value, url) for key, value in context.items()}
        super().send_mail(template_prefix, email, {**led, "current_site": site})


def _moved(value: object, url: str) -> object:
    """The same address at the portal's own host, if it is one."""
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return urlunsplit((*urlsplit(url)[:2], *urlsplit(value)[2:]))
    return value


class ConfirmationStage(EmailVerificationStage):  # type: ignore[misc]  # untyped package
    """Whoever registered confirms the address first; whom an administrator made may have none."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """The answer that stands in the way, if any, and whether the login goes on.

        Nobody logs in with an address that was taken already: that is answered like any registration.
        """
        user = self.login.user
        if user is not None and not EmailAddress.objects.filter(user=user).exists():
            return None, True
        answer: tuple[HttpResponse | None, bool] = super().handle()
        return answer
