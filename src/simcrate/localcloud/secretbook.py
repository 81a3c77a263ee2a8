"""Secrets that may use this server; kept as SHA-256, several at a time, valid or revoked at once.

A secret has 256 random bits, so that one round of SHA-256 is as strong as any slow hash.  Secrets
belong to an *owner*, and objects belong to owners: a secret can be replaced without losing anything.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from simcrate.durable import replace_file
from simcrate.errors import BadInputError
from simcrate.localcloud.ledger import Ledger
from simcrate.secret import Secret

DEFAULT_OWNER = "main"
PREFIX = "lcs_"  # lets people and secret scanners see what a string is
MIN_SECRET_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEntry:
    """What is known of a secret."""

    secret_id: str
    owner: str
    created_at: float
    revoked_at: float | None


def digest_of(credential: str) -> str:
    """What is stored instead of a credential."""
    return hashlib.sha256(credential.encode()).hexdigest()


def new_secret(ledger: Ledger, *, now: float, owner: str = DEFAULT_OWNER) -> Secret:
    """Make a secret; its value is known only to the caller."""
    secret = Secret(PREFIX + secrets.token_urlsafe(32))
    _enter(ledger, secret, now=now, owner=owner)
    return secret


def find_owner(ledger: Ledger, credential: str) -> str | None:
    """The owner of a valid secret."""
    sql = "SELECT owner FROM secrets WHERE digest = ? AND revoked_at IS NULL"
    row = ledger.row(sql, [digest_of(credential)])
    return None if row is None else str(row["owner"])


def list_secrets(ledger: Ledger) -> list[SecretEntry]:
    """All secrets, oldest first, revoked ones too."""
    sql = "SELECT secret_id, owner, created_at, revoked_at FROM secrets ORDER BY created_at"
    return [SecretEntry(**dict(row)) for row in ledger.rows(sql)]


def revoke_secret(ledger: Ledger, secret_id: str, *, now: float) -> bool:
    """Make a secret invalid from the next request on; False if there is no such valid secret."""
    with ledger.transaction(durable=True) as connection:
        sql = "UPDATE secrets SET revoked_at = ? WHERE secret_id = ? AND revoked_at IS NULL"
        return connection.execute(sql, [now, secret_id]).rowcount == 1


def accept_secret_file(ledger: Ledger, path: Path, *, now: float) -> bool:
    """Accept the one secret in a file, made with mode 0600 if absent; True if it was made.

    Raises:
        BadInputError: the file's secret is too short, or was revoked.
    """
    made = not path.exists()
    if made:
        _write_private(path, PREFIX + secrets.token_urlsafe(32))
    secret = Secret(path.read_text().strip())
    if len(secret.reveal()) < MIN_SECRET_LENGTH:
        message = f"the secret in {path} has under {MIN_SECRET_LENGTH} characters: remove the file"
        raise BadInputError(message + " and a strong one is made at the next start")
    sql = "SELECT revoked_at FROM secrets WHERE digest = ?"
    row = ledger.row(sql, [digest_of(secret.reveal())])
    if row is None:
        _enter(ledger, secret, now=now, owner=DEFAULT_OWNER)
    elif row["revoked_at"] is not None:
        message = f"the secret in {path} was revoked: remove the file, or name another one"
        raise BadInputError(message)
    return made


def _enter(ledger: Ledger, secret: Secret, *, now: float, owner: str) -> None:
    with ledger.transaction(durable=True) as connection:
        connection.execute(
            "INSERT INTO secrets (secret_id, owner, digest, created_at) VALUES (?, ?, ?, ?)",
            [secrets.token_hex(4), owner, digest_of(secret.reveal()), now],
        )


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, f"{text}\n".encode(), mode=0o600)
