"""Reading accounts."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from simcrate.portal.accounts.models import User


def confirmed_addresses(user: User) -> list[str]:
    """Addresses that belong to the user for certain, the primary one first."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True)
    return list(confirmed.order_by("-primary", "email").values_list("email", flat=True))
