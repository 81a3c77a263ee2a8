"""Reading accounts."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from simcrate.portal.accounts.models import User


def confirmed_addresses(user: User) -> list[str]:
    """Addresses that belong to the user for certain, the primary one first."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True)
    return list(confirmed.order_by("-primary", "email").values_list("email", flat=True))


def mail_address(user: User, asked: str) -> str:
    """Where mail goes that the user wants at an address: there, for as long as it belongs to them for certain.

    Then to the primary one; empty: nowhere, because none was asked for or none is theirs.
    """
    confirmed = confirmed_addresses(user) if asked else []
    same = (address for address in confirmed if address.lower() == asked.lower())
    return next(same, next(iter(confirmed), ""))
