"""Time on the wire and in the ledger: seconds since 1970 inside, RFC 3339 and HTTP dates outside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""


def rfc3339(at: float | None) -> str | None:
    """`2026-11-25T13:00:00Z`; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def readable_time(at: float) -> str:
    """`25 November 2026, 13:00 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%-d %B %Y, %H:%M UTC")


def http_date(at: float) -> str:
    """`Wed, 25 Nov 2026 13:00:00 GMT`."""
    return formatdate(at, usegmt=True)
