"""What a ledger keeps of a storage backend's answers, as JSON.

Several versions read the same rows while machines are upgraded one by one: what this one does not know is left out,
and what an earlier one did not write has its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from simcrate.storage import Link, StoredCrate


def stored_to_json(stored: StoredCrate) -> dict[str, Any]:
    """As `json.dumps` takes it."""
    return {**asdict(stored), "extra": dict(stored.extra)}


def stored_from_json(value: Mapping[str, Any] | None) -> StoredCrate | None:
    """What `stored_to_json` gave; None stays None."""
    return StoredCrate(**_known(StoredCrate, value)) if value else None


def link_to_json(link: Link) -> dict[str, Any]:
    """As `json.dumps` takes it."""
    ends = link.expires_at.isoformat() if link.expires_at else None
    return {**asdict(link), "expires_at": ends, "remarks": list(link.remarks)}


def link_from_json(value: Mapping[str, Any] | None) -> Link | None:
    """What `link_to_json` gave; None stays None."""
    if not value:
        return None
    known = _known(Link, value)
    ends = known.get("expires_at")
    return Link(
        **{
            **known,
            "expires_at": datetime.fromisoformat(ends) if ends else None,
            "remarks": tuple(known.get("remarks", ())),
        }
    )


def _known(kind: type[StoredCrate | Link], value: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: value[one.name] for one in fields(kind) if one.name in value}
