"""Who speaks at the API: the owner of a token, or of a session."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer, SessionAuth

from simcrate.portal.accounts.models import Scope, User
from simcrate.portal.accounts.services import find_token

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class TokenAuth(HttpBearer):
    """`Authorization: Bearer sc_…`; a token that may only read sends nothing but reads."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """The token's owner."""
        found = find_token(token)
        if found is None:
            return None
        if found.scope != Scope.WRITE and request.method not in SAFE_METHODS:
            raise HttpError(403, f"the token '{found.name}' may only read")
        return found.owner


AUTH: list[Any] = [TokenAuth(), SessionAuth(csrf=True)]
