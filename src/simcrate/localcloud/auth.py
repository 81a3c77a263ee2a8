"""Who is asking: the bearer of a secret, of a one-use grant, or anyone on an open server."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.grants import GRANT_PREFIX, Grant, find_grant
from simcrate.localcloud.objects import ANYONE
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.secretbook import find_owner
from simcrate.localcloud.watch import note

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="local-cloud"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a request may do."""

    owner: str
    grant: Grant | None = None
    """Set when this is a grant: it may bring its one object and nothing else."""

    @property
    def is_anyone(self) -> bool:
        """Whether nobody knows who this is: then nothing is theirs."""
        return self.owner == ANYONE


def credential_of(request: Request) -> Credential:
    """The bearer of a secret.

    Raises:
        Problem: `secret-needed`, `secret-unknown`, or `not-yours` for a grant.
    """
    credential = uploader_of(request)
    if credential.grant is not None:
        raise Problem("not-yours", "a grant can bring one object and do nothing else")
    if credential.is_anyone:
        raise _secret_needed()
    return credential


def uploader_of(request: Request) -> Credential:
    """The bearer of a secret or grant; anyone, if the server is open.

    Raises:
        Problem: `secret-needed`, `secret-unknown`; `expired` for a grant.
    """
    cloud = cloud_of(request)
    token = bearer_token(request)
    if token is None:
        if cloud.config.open:
            note(request, owner=ANYONE)
            return Credential(owner=ANYONE)
        raise _secret_needed()
    if token.startswith(GRANT_PREFIX) and (grant := find_grant(cloud.ledger, token)) is not None:
        if grant.expires_at <= cloud.now() and grant.object_id is None:
            raise Problem("expired", "this grant has expired; ask for a new one")
        note(request, owner=grant.owner)
        return Credential(owner=grant.owner, grant=grant)
    owner = find_owner(cloud.ledger, token)
    if owner is None:
        message = (
            "the secret or grant is not known here, or was revoked; check it for typing errors"
        )
        raise Problem("secret-unknown", message, headers=CHALLENGE)
    note(request, owner=owner)
    return Credential(owner=owner)


def known_token(cloud: Cloud, scope: Scope) -> str | None:
    """The valid secret or grant that a request bears; such a one is no guess."""
    token = bearer_token(Request(scope))
    if token is None:
        return None
    is_known = find_owner(cloud.ledger, token) or find_grant(cloud.ledger, token)
    return token if is_known else None


def bearer_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer`, or the password of `Basic` (`curl -u :SECRET`)."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip() or None
        case "basic":
            return basic_password(value)
        case _:
            return None


def basic_password(value: str) -> str | None:
    """The password in the credentials of HTTP Basic; None if they cannot be read."""
    try:
        _, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password or None


def _secret_needed() -> Problem:
    message = "uploads and everything about them need a secret: Authorization: Bearer <secret>"
    return Problem("secret-needed", message, headers=CHALLENGE)
