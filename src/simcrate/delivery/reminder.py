"""What a reminder says: a crate will be removed soon, and nobody is known to have fetched it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One mail to one owner."""

    delivery_id: UUID
    email: str
    title: str
    """Of the simulation."""
    storage: str
    """Name of the storage backend."""
    expires_at: datetime
    """Aware UTC; another expiry is another reminder."""
    page_url: str
    """Where it can be extended."""
    permalink_url: str

    @property
    def message_id(self) -> str:
        """The same for every try, so that a duplicate is the same message."""
        return f"<{self.delivery_id}.{self.expires_at:%Y%m%dT%H%M%S}@simcrate>"
