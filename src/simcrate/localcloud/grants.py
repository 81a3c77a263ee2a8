"""One-use grants: the right to bring one object, for somebody who has no secret.

Kept as SHA-256, like secrets.  A grant that has given its object keeps answering with that object to
whoever sends the same bytes again (an uploader that died before it read the answer), and gives no other.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from simcrate.localcloud.ledger import Ledger
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.secretbook import digest_of
from simcrate.localcloud.wish import Wish
from simcrate.secret import Secret

GRANT_PREFIX = "lcg_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One row."""

    grant_id: str
    owner: str
    digest: str
    key: str
    """The only key that it may bring; empty: any."""
    max_bytes: int
    sha256: str | None
    """The only content that it may bring; None: any."""
    wish: str
    created_at: float
    expires_at: float
    upload_id: str | None
    object_id: str | None

    def require(self, *, key: str, size_bytes: int, sha256: str | None) -> None:
        """Refuse an upload that this grant is not for."""
        if self.key and key != self.key:
            raise Problem("not-yours", f"this grant is for the name '{self.key}' only")
        if size_bytes > self.max_bytes:
            message = (
                f"{size_bytes} bytes are more than the {self.max_bytes} that this grant allows"
            )
            raise Problem("too-large", message)
        if self.sha256 is not None and sha256 is not None and sha256 != self.sha256:
            raise Problem(
                "not-yours", f"this grant is for the bytes with SHA-256 {self.sha256} only"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTerms:
    """What a grant is to allow."""

    owner: str
    key: str
    max_bytes: int
    sha256: str | None
    wish: Wish
    expires_at: float


def make_grant(
    connection: sqlite3.Connection, terms: GrantTerms, *, now: float
) -> tuple[str, Secret]:
    """The id and the value of a new grant; the value is known only to the caller."""
    grant_id = secrets.token_hex(8)
    value = Secret(GRANT_PREFIX + secrets.token_urlsafe(32))
    connection.execute(
        "INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
        [
            *(grant_id, terms.owner, digest_of(value.reveal()), terms.key, terms.max_bytes),
            *(terms.sha256, terms.wish.to_json(), now, terms.expires_at),
        ],
    )
    return grant_id, value


def find_grant(ledger: Ledger, value: str) -> Grant | None:
    """By value; used and expired ones too."""
    row = ledger.row("SELECT * FROM grants WHERE digest = ?", [digest_of(value)])
    return None if row is None else Grant(**dict(row))
