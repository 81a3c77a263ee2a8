"""What a ledger keeps of a storage backend's answers, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from simcrate.storage import Link, StoredCrate


def stored_to_json(stored: StoredCrate) -> dict[str, Any]:
    """As `json.dumps` takes it."""
    return {**asdict(stored), "extra": dict(stored.extra)}


def stored_from_json(value: Mapping[str, Any] | None) -> StoredCrate | None:
    """What `stored_to_json` gave; None stays None."""
    return StoredCrate(**value) if value else None


def link_to_json(link: Link) -> dict[str, Any]:
    """As `json.dumps` takes it."""
    ends = link.expires_at.isoformat() if link.expires_at else None
    return {**asdict(link), "expires_at": ends, "remarks": list(link.remarks)}


def link_from_json(value: Mapping[str, Any] | None) -> Link | None:
    """What `link_to_json` gave; None stays None."""
    if not value:
        return None
    ends = value["expires_at"]
    return Link(
        url=value["url"],
        expires_at=datetime.fromisoformat(ends) if ends else None,
        has_password=value["has_password"],
        remarks=tuple(value["remarks"]),
    )
