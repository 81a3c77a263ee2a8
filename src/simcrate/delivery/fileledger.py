"""A ledger in one JSON file beside the crate: for deliveries without a portal.

Every write replaces the whole file atomically.  One process at a time holds it, by a lock on the
directory's lock file.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from simcrate.delivery.jsonform import (
    link_from_json,
    link_to_json,
    stored_from_json,
    stored_to_json,
)
from simcrate.delivery.ledger import DeliveryRecord, DeliveryState
from simcrate.durable import replace_file
from simcrate.errors import LeaseLostError, SimCrateError
from simcrate.storage import JSON, Link, Source, StoredCrate

FILE_NAME = "delivery.json"
LOCK_NAME = "lock"
SCHEMA = 1

_FIXED = {DeliveryState.LINKED, DeliveryState.ANNOUNCED, DeliveryState.FAILED}


class FileLedger:
    """Implements `Ledger`; open it with `open_ledger`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def retry_in_s(self) -> float:
        """How long to wait before the next try; 0 where none is due."""
        retry_at = self._facts().get("retry_at")
        if retry_at is None:
            return 0.0
        return max(0.0, (datetime.fromisoformat(retry_at) - _now()).total_seconds())

    def read(self) -> DeliveryRecord:
        """What is known now."""
        facts = self._facts()
        expires_at = facts.get("expires_at")
        return DeliveryRecord(
            id=UUID(facts["id"]),
            state=DeliveryState(facts["state"]),
            source=Source(
                path=self.path.parent / facts["file_name"],
                size_bytes=facts["size_bytes"],
                sha256=facts["sha256"],
            ),
            name=f"{facts['id']}/{facts['file_name']}",
            keep_days=facts["keep_days"],
            attempts=facts["attempts"],
            resume=facts.get("resume"),
            stored=stored_from_json(facts.get("stored")),
            link=link_from_json(facts.get("link")),
            error=facts["error"],
            error_code=facts.get("error_code", ""),
            expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
            announced=facts["announced"],
        )

    def uploading(self) -> None:
        """An upload starts, or starts again."""
        self._write(state=DeliveryState.UPLOADING, error="")

    def save_resume(self, value: JSON) -> None:
        """The backend's resume value has changed."""
        self._write(resume=value)

    def stored(self, stored: StoredCrate) -> None:
        """The remote file is whole."""
        self._write(state=DeliveryState.VERIFYING, stored=stored_to_json(stored), resume=None)

    def linked(self, link: Link) -> None:
        """Verified and linked."""
        self._write(state=DeliveryState.LINKED, link=link_to_json(link), retry_at=None, error="")

    def announcing(self) -> DeliveryRecord:
        """The intent to announce; the first time it sets `expires_at`."""
        record = self.read()
        if "announcing_at" not in self._facts():
            changes: dict[str, Any] = {"announcing_at": _now().isoformat(), "attempts": 0}
            if record.state is DeliveryState.LINKED and record.keep_days:
                changes["expires_at"] = (_now() + timedelta(days=record.keep_days)).isoformat()
            self._write(**changes)
        return self.read()

    def announced(self) -> None:
        """The announcement is out."""
        is_linked = self.read().state is DeliveryState.LINKED
        state = DeliveryState.ANNOUNCED if is_linked else DeliveryState.FAILED
        self._write(state=state, announced=True, retry_at=None)

    def not_announced(self, error: SimCrateError) -> None:  # noqa: ARG002 - nobody reads it here
        """The announcement cannot be brought out, and counts as out."""
        self.announced()

    def waiting(self, error: SimCrateError, *, retry_in_s: float) -> None:
        """Something failed that may work later."""
        record = self.read()
        changes: dict[str, Any] = {}
        if record.state not in _FIXED:
            changes = {"state": DeliveryState.WAITING, "error": str(error)}
        retry_at = (_now() + timedelta(seconds=retry_in_s)).isoformat()
        self._write(attempts=record.attempts + 1, retry_at=retry_at, **changes)

    def failed(self, error: SimCrateError) -> None:
        """There is nothing left to try."""
        self._write(
            state=DeliveryState.FAILED, error=str(error), error_code=error.code, retry_at=None
        )

    def spool_released(self) -> None:
        """The directory is gone, and this file with it."""

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.path.read_text())
        return facts

    def _write(self, **changes: Any) -> None:  # noqa: ANN401 - JSON values
        _replace(self.path, {**self._facts(), **changes})


@contextmanager
def open_ledger(
    crate_path: Path, *, delivery_id: UUID, size_bytes: int, sha256: str, keep_days: int
) -> Iterator[FileLedger]:
    """The ledger beside a crate in the spool; found again, or begun.

    A delivery that failed for good is begun again, and its upload goes on where it stopped: whoever
    calls has mended what was wrong.

    Raises:
        LeaseLostError: another process is at it.
    """
    directory = crate_path.parent
    path = directory / FILE_NAME
    with (directory / LOCK_NAME).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "another process delivers this crate at the moment"
            raise LeaseLostError(message) from error
        ledger = FileLedger(path)
        former = ledger.read() if path.exists() else None
        if former is None or former.state is DeliveryState.FAILED:
            _replace(
                path,
                {
                    "schema": SCHEMA,
                    "id": str(delivery_id),
                    "file_name": crate_path.name,
                    "size_bytes": size_bytes,
                    "sha256": sha256,
                    "keep_days": keep_days,
                    "state": DeliveryState.SPOOLED,
                    "created_at": _now().isoformat(),
                    "attempts": 0,
                    "error": "",
                    "announced": False,
                    "resume": former.resume if former else None,
                },
            )
        yield ledger


def _replace(path: Path, facts: dict[str, Any]) -> None:
    replace_file(path, json.dumps(facts, indent=2).encode())


def _now() -> datetime:
    return datetime.now(UTC)
