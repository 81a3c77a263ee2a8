"""What an uploader asks for an object beside its bytes: how long, for whom, how often.

The same three request headers go with `PUT`, a tus creation, a claim and a grant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from simcrate.localcloud.passwords import hash_password
from simcrate.localcloud.problems import Problem

EXPIRES_HEADER = "Cloud-Expires"
PASSWORD_HEADER = "Cloud-Password"  # noqa: S105 - the name of a header
MAX_DOWNLOADS_HEADER = "Cloud-Max-Downloads"
MAX_KEEP_S = 100 * 365 * 86_400.0  # what a date can hold everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked; the answer of a commit says what holds."""

    keep_s: float | None = None
    """Seconds from the commit on; None: see `expires_at`."""
    expires_at: float | None = None
    """A point in time; None with `keep_s` None: for ever."""
    password: str | None = None
    """As `passwords.hash_password` made it."""
    max_downloads: int | None = None

    def expiry(self, now: float, *, max_keep_s: float | None) -> float | None:
        """When an object that is committed at `now` expires; None: never."""
        asked = self.expires_at if self.keep_s is None else now + self.keep_s
        if max_keep_s is None:
            return asked
        latest = now + max_keep_s
        return latest if asked is None else min(asked, latest)

    def to_json(self) -> str:
        """For the ledger."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Wish:
        """From the ledger."""
        return cls(**json.loads(text))


def parse_wish(headers: Mapping[str, str], *, now: float) -> Wish:
    """The wish in a request's headers; takes some 50 ms with a password (scrypt)."""
    keep_s, expires_at = parse_expiry(headers.get(EXPIRES_HEADER.lower()), now=now)
    password = headers.get(PASSWORD_HEADER.lower())
    return Wish(
        keep_s=keep_s,
        expires_at=expires_at,
        password=hash_password(password) if password else None,
        max_downloads=_parse_count(headers.get(MAX_DOWNLOADS_HEADER.lower())),
    )


def parse_expiry(value: str | None, *, now: float) -> tuple[float | None, float | None]:
    """Seconds from the commit on, or a point in time; both None: for ever.

    Takes whole seconds (0 = for ever) or an RFC 3339 date and time.
    """
    if value is None or value.strip() in {"", "0"}:
        return None, None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= len(f"{MAX_KEEP_S:.0f}"):
        return min(float(text), MAX_KEEP_S), None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{EXPIRES_HEADER} '{text[:40]}' is neither whole seconds nor an RFC 3339 time"
        raise Problem("bad-expiry", message) from error
    if at.tzinfo is None:
        raise Problem("bad-expiry", f"{EXPIRES_HEADER} '{text[:40]}' has no time zone; add Z")
    if not now < at.timestamp() <= now + MAX_KEEP_S:
        message = f"{EXPIRES_HEADER} '{text[:40]}' is in the past or more than a century away"
        raise Problem("bad-expiry", message)
    return None, at.timestamp()


def _parse_count(value: str | None) -> int | None:
    if value is None or value.strip() in {"", "0"}:
        return None
    text = value.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        message = f"{MAX_DOWNLOADS_HEADER} '{text[:40]}' is not a whole number"
        raise Problem("bad-request", message)
    return int(text)
