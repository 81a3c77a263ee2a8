"""Who may make an account, and whose address must be confirmed before they log in."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.conf import settings
from django.http import HttpRequest, HttpResponse


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped package
    """Registration as `SIMCRATE_REGISTRATION` says."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Closed unless the administrators opened it."""
        return bool(settings.ENVIRONMENT.registration == "open")

    def get_login_stages(self) -> list[str]:
        """allauth's, with our own confirmation of addresses."""
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = f"{__name__}.{ConfirmationStage.__name__}"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]


class ConfirmationStage(EmailVerificationStage):  # type: ignore[misc]  # untyped package
    """Whoever registered confirms the address first; whom an administrator made may have none."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """The answer that stands in the way, if any, and whether the login goes on."""
        if not EmailAddress.objects.filter(user=self.login.user).exists():
            return None, True
        answer: tuple[HttpResponse | None, bool] = super().handle()
        return answer
