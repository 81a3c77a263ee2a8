"""The delivery ledger on rows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from simcrate.delivery import DeliveryRecord, DeliveryState, Origin
from simcrate.delivery.jsonform import (
    link_from_json,
    link_to_json,
    stored_from_json,
    stored_to_json,
)
from simcrate.errors import SimCrateError, StorageAuthError
from simcrate.portal.deliveries.events import record_event
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery
from simcrate.portal.deliveries.repeating import fall_back, with_working_link
from simcrate.portal.queue.claims import LeasedRows
from simcrate.portal.queue.rows import reaching_rows
from simcrate.storage import JSON, Link, Source, StoredCrate

MENDED_BY_ADMINISTRATORS = (
    "an administrator must mend the credentials of this storage backend; "
    "until then, deliver to another one"
)


class RowLedger:
    """Implements `simcrate.delivery.Ledger` for one claim."""

    def __init__(self, rows: LeasedRows[Delivery], key: str, fence: int, crate_path: Path) -> None:
        self._rows = rows
        self._key = key
        self._fence = fence
        self._crate_path = crate_path

    def read(self) -> DeliveryRecord:
        """What is known now."""
        with reaching_rows():
            row = Delivery.objects.select_related("again_of").get(pk=self._key)
            origin = self._origin(row.again_of)
        return DeliveryRecord(
            id=row.pk,
            state=DeliveryState(row.state),
            source=Source(path=self._crate_path, size_bytes=row.size_bytes, sha256=row.sha256),
            name=f"{row.pk}/{row.file_name}",
            keep_days=row.keep_days,
            attempts=row.attempts,
            resume=row.resume,
            stored=stored_from_json(row.stored),
            link=link_from_json(row.link),
            error=row.error,
            error_code=row.error_code,
            expires_at=row.expires_at,
            announced=row.announced_at is not None,
            origin=origin,
        )

    def uploading(self) -> None:
        """An upload starts, or starts again."""
        self._write(state=DeliveryState.UPLOADING, error="", error_code="")

    def save_resume(self, value: JSON) -> None:
        """The backend's resume value has changed."""
        self._write(resume=value)

    def stored(self, stored: StoredCrate) -> None:
        """The remote file is whole."""
        self._write(
            state=DeliveryState.VERIFYING,
            stored=stored_to_json(stored),
            resume=None,
            sent_bytes=stored.size_bytes,
            account=stored.account,
        )

    def linked(self, link: Link) -> None:
        """Verified and linked."""
        self._write(
            state=DeliveryState.LINKED,
            link=link_to_json(link),
            link_url=link.url,
            retry_at=None,
            error="",
            error_code="",
        )

    def announcing(self) -> DeliveryRecord:
        """The intent to announce; the first time it sets `expires_at`, and `attempts` to 0."""
        with reaching_rows(), transaction.atomic():
            row = Delivery.objects.get(pk=self._key)
            if row.announcing_at is None:
                self._write(announcing_at=Now(), attempts=0)
                is_there = row.state == DeliveryState.LINKED or row.stored is not None
                if is_there and row.keep_days:
                    self._write(expires_at=Now() + timedelta(days=row.keep_days))
        return self.read()

    def announced(self) -> None:
        """The announcement is out."""
        with reaching_rows(), transaction.atomic():
            row = Delivery.objects.get(pk=self._key)
            state = (
                DeliveryState.ANNOUNCED
                if row.state == DeliveryState.LINKED
                else DeliveryState.FAILED
            )
            self._write(state=state, announced_at=Now(), retry_at=None)

    def not_announced(self, error: SimCrateError) -> None:
        """The announcement cannot be brought out, and counts as out; the page says why."""
        with reaching_rows(), transaction.atomic():
            self.announced()
            row = Delivery.objects.get(pk=self._key)
            record_event(row, "not announced", who="the worker", note=str(error))

    def waiting(self, error: SimCrateError, *, retry_in_s: float) -> None:
        """Something failed that may work later."""
        with reaching_rows(), transaction.atomic():
            row = Delivery.objects.get(pk=self._key)
            changes: dict[str, Any] = {}
            if row.state in UNDER_WAY:
                changes = {
                    "state": DeliveryState.WAITING,
                    "error": str(error),
                    "error_code": error.code,
                }
            self._write(
                attempts=row.attempts + 1,
                retry_at=Now() + timedelta(seconds=retry_in_s),
                **changes,
            )

    def failed(self, error: SimCrateError) -> None:
        """There is nothing left to try here; the fallback, if there is one, tells the user."""
        with reaching_rows(), transaction.atomic():
            self._write(
                state=DeliveryState.FAILED,
                error=_for_owner(error),
                error_code=error.code,
                retry_at=None,
            )
            rows = Delivery.objects.select_related("storage", "simulation__fallback")
            if fall_back(rows.get(pk=self._key)):
                self._write(announced_at=Now())

    def spool_released(self) -> None:
        """The crate's file is gone from the spool."""
        self._write(spool_released_at=Now())

    def _origin(self, earlier: Delivery | None) -> Origin | None:
        if earlier is None:
            return None
        works = with_working_link(Delivery.objects.filter(pk=earlier.pk)).exists()
        spool = self._crate_path.parent.parent
        return Origin(
            path=spool / str(earlier.pk) / earlier.file_name,
            link_url=earlier.link_url if works else "",
        )

    def _write(self, **changes: Any) -> None:  # noqa: ANN401 - columns
        with reaching_rows():
            self._rows.write(self._key, self._fence, **changes)


def _for_owner(error: SimCrateError) -> str:
    """Owners read what came back, and what they can do; credentials are for administrators to mend."""
    if not isinstance(error, StorageAuthError):
        return str(error)
    came_back, _, _ = str(error).partition(";")
    return f"{came_back}; {MENDED_BY_ADMINISTRATORS}"
