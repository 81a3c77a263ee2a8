"""Rows that another version wrote, while machines are upgraded one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from simcrate.delivery.jsonform import (
    link_from_json,
    link_to_json,
    stored_from_json,
    stored_to_json,
)
from simcrate.storage import Link, StoredCrate

STORED = StoredCrate(remote_id="7", name="a.zip", size_bytes=3, digest="", extra={"rev": "1"})
LINK = Link(url="https://e.org/a", expires_at=datetime(2026, 12, 1, tzinfo=UTC), remarks=("so",))


def test_what_was_written_is_read() -> None:
    assert stored_from_json(stored_to_json(STORED)) == STORED
    assert link_from_json(link_to_json(LINK)) == LINK
    assert stored_from_json(None) is None
    assert link_from_json(None) is None


def test_rows_of_a_later_version_are_read_as_far_as_they_are_known() -> None:
    later = {"of_a_later_version": 1}

    assert stored_from_json({**stored_to_json(STORED), **later}) == STORED
    assert link_from_json({**link_to_json(LINK), **later}) == LINK


def test_rows_of_an_earlier_version_lack_what_came_later() -> None:
    stored = {"remote_id": "7", "name": "a.zip", "size_bytes": 3, "digest": ""}

    assert stored_from_json(stored) == replace(STORED, extra={})
    assert link_from_json({"url": "https://e.org/a"}) == Link(url="https://e.org/a")
