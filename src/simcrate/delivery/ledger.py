"""What is known of a delivery, and the protocol that keeps it.

Each method of a ledger is one transaction that is on disk when it returns, and every write carries the
fence of its claim: once another worker has taken the delivery over, they raise `LeaseLostError`.  The
portal implements it on rows, `simcrate deliver` on a JSON file in the spool.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from simcrate.errors import SimCrateError
from simcrate.storage import JSON, Link, Source, StoredCrate


class DeliveryState(StrEnum):
    """Where a delivery stands.

    `spooled → uploading → verifying → linked → announced → expiring → removed`; `waiting` between two
    tries of anything before `linked`, `failed` when there is nothing left to try.
    """

    SPOOLED = "spooled"
    UPLOADING = "uploading"
    VERIFYING = "verifying"
    LINKED = "linked"
    ANNOUNCED = "announced"
    EXPIRING = "expiring"
    REMOVED = "removed"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """An earlier delivery of the same crate."""

    path: Path
    """Its place in the spool of this machine; the file may be gone."""
    link_url: str
    """Its link; empty: it has none that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One row of the ledger."""

    id: UUID
    state: DeliveryState
    source: Source
    """The crate in the spool."""
    name: str
    """The remote name, `<delivery uuid>/<slug>.zip`: no other delivery ever uses it."""
    keep_days: int
    """0 = for ever."""
    attempts: int = 0
    """Failed tries so far: of the delivery, and from the intent to announce on of the announcement."""
    resume: JSON = None
    """The backend's own, as it was last saved."""
    stored: StoredCrate | None = None
    link: Link | None = None
    error: str = ""
    error_code: str = ""
    """Of the class of that error; see `simcrate.errors`."""
    expires_at: datetime | None = None
    """Set with the intent to announce."""
    announced: bool = False
    origin: Origin | None = None
    """Where the crate comes from when it is not in its place in the spool."""

    @property
    def message_id(self) -> str:
        """The same for every try of the announcement, so that a duplicate is the same message."""
        return f"<{self.id}@simcrate>"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What whoever gets the link must know, in sentences: that it ends before the crate goes."""
        ends = self.link.expires_at if self.link else None
        if ends is None or (self.expires_at is not None and ends >= self.expires_at):
            return ()
        return (
            f"The storage backend ends the link on {ends:%d %B %Y, %H:%M} UTC already; "
            "to have one after that, press 'Extend' or 'Deliver again' on the simulation's page.",
        )


class Ledger(Protocol):
    """The rows of one delivery, under one claim."""

    def read(self) -> DeliveryRecord:
        """What is known now."""
        ...

    def uploading(self) -> None:
        """An upload starts, or starts again."""
        ...

    def save_resume(self, value: JSON) -> None:
        """The backend's resume value has changed."""
        ...

    def stored(self, stored: StoredCrate) -> None:
        """The remote file is whole: `verifying`."""
        ...

    def linked(self, link: Link) -> None:
        """Verified and linked."""
        ...

    def announcing(self) -> DeliveryRecord:
        """The intent to announce; the first time it sets `expires_at`, keep days from now, and `attempts` to 0."""
        ...

    def announced(self) -> None:
        """The announcement is out; a failed delivery stays `failed`."""
        ...

    def not_announced(self, error: SimCrateError) -> None:
        """The announcement cannot be brought out, and counts as out: everything else goes on."""
        ...

    def waiting(self, error: SimCrateError, *, retry_in_s: float) -> None:
        """Something failed that may work later.  From `linked` on a delivery stays what it is."""
        ...

    def failed(self, error: SimCrateError) -> None:
        """There is nothing left to try."""
        ...

    def spool_released(self) -> None:
        """The crate's file is gone from the spool."""
        ...
