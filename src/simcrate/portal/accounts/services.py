"""Everything that changes accounts: users made by administrators, tokens of the API."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from simcrate.errors import BadInputError
from simcrate.portal.accounts.models import ApiToken, Scope, User
from simcrate.secret import Secret

TOKEN_BYTES = 32
TOKEN_PREFIX = "sc_"  # noqa: S105 - so that secret scanners know one when they see it
MAX_TOKENS = 20


def create_user(
    *, username: str, password: Secret, confirmed_email: str = "", is_admin: bool = False
) -> User:
    """Make a user.

    Args:
        username: unique.
        password: as it is; whoever calls chose it.
        confirmed_email: an address that the caller vouches for, or empty; kept in lower case, as allauth
            looks every address up.
        is_admin: whether it may use the admin, with every right.

    Raises:
        BadInputError: the name or the address is none, or is another user's.
    """
    email = confirmed_email.lower()
    try:
        User(username=username, email=email).clean_fields(exclude=["password"])
        with transaction.atomic():
            user = User.objects.create_user(
                username,
                email,
                password.reveal(),
                is_staff=is_admin,
                is_superuser=is_admin,
            )
            if email:
                EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except ValidationError as error:
        message = f"could not make the user '{username}': {' '.join(error.messages)}"
        raise BadInputError(message) from error
    except IntegrityError as error:
        message = f"there is already a user '{username}', or one with that address"
        raise BadInputError(message) from error
    return user


def issue_token(*, owner: User, name: str, scope: str = Scope.READ) -> tuple[ApiToken, Secret]:
    """Make a token of the API; its value is shown once and kept nowhere.

    Raises:
        BadInputError: the owner has one of that name, or too many.
    """
    value = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    if owner.api_tokens.count() >= MAX_TOKENS:
        message = f"you have {MAX_TOKENS} tokens; revoke one that is not used any more"
        raise BadInputError(message)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                owner=owner, name=name, scope=Scope(scope), digest=_digest(value)
            )
    except IntegrityError as error:
        message = f"you have a token named '{name}' already; choose another name"
        raise BadInputError(message) from error
    return token, Secret(value)


def find_token(value: str) -> ApiToken | None:
    """The token of that value, if its owner may still log in."""
    token = (
        ApiToken.objects.select_related("owner")
        .filter(digest=_digest(value), owner__is_active=True)
        .first()
    )
    if token is not None:
        _note_use(token)
    return token


def _note_use(token: ApiToken) -> None:
    """To the minute: programs that poll must not write at every request."""
    noted_long_ago = Q(last_used_at=None) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
    ApiToken.objects.filter(noted_long_ago, pk=token.pk).update(last_used_at=Now())


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
