"""The steps of the doctor that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from simcrate.errors import (
    StorageAuthError,
    StorageError,
    StorageFullError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.storage import Link
from simcrate.storage.doctor import canary_steps, clock_skew_s, fetch_anonymously, todo_for

if TYPE_CHECKING:
    from tests.unit.storage.conftest import FailingBackend
else:
    FailingBackend = Any


def served_from_disk(backend: FailingBackend) -> bytes:
    (path,) = backend._folder.glob("*/*.zip")
    return path.read_bytes()


def test_all_steps_are_well_where_all_is_well(backend: FailingBackend) -> None:
    findings = list(canary_steps(backend, fetch=lambda _: served_from_disk(backend)))

    assert [(finding.step, finding.ok, finding.todo) for finding in findings] == [
        (step, True, "") for step in ("space", "write", "link", "fetch", "delete", "gone")
    ]
    assert list(backend.list_owned()) == []


def test_no_space_ends_the_steps_before_anything_is_written(backend: FailingBackend) -> None:
    backend.errors = [StorageFullError("could not reserve space: none is left")]
    (finding,) = canary_steps(backend)

    assert (finding.step, finding.ok) == ("space", False)
    assert finding.seen == "could not reserve space: none is left"
    assert "free space" in finding.todo


def test_a_link_that_serves_something_else_is_found_and_the_canary_removed(
    backend: FailingBackend,
) -> None:
    findings = list(canary_steps(backend, fetch=lambda _: b"<html>Please log in</html>"))

    assert [(finding.step, finding.ok) for finding in findings][-3:] == [
        ("fetch", False),
        ("delete", True),
        ("gone", True),
    ]
    assert list(backend.list_owned()) == []


def test_a_link_that_does_not_answer_is_found_and_the_canary_removed(
    backend: FailingBackend,
) -> None:
    findings = {finding.step: finding for finding in canary_steps(backend)}  # nothing listens

    assert not findings["fetch"].ok
    assert findings["gone"].ok


@pytest.mark.parametrize(
    "error",
    [StorageAuthError(), StorageFullError(), StorageUnreachableError(), StorageRefusedError()],
)
def test_every_error_has_something_to_do(error: StorageError) -> None:
    assert todo_for(error)


def test_fetching_follows_no_link_to_nowhere() -> None:
    with pytest.raises(StorageUnreachableError) as caught:
        fetch_anonymously(Link(url="http://127.0.0.1:1/x.zip"))

    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("date", "skew_s"),
    [
        ("Wed, 25 Nov 2026 13:00:00 GMT", 3600.0),
        ("Wed, 25 Nov 2026 12:00:00 GMT", 0.0),
        ("not a date", None),
        (None, None),
    ],
)
def test_the_skew_of_a_servers_clock_is_read_from_its_date(
    date: str | None, skew_s: float | None
) -> None:
    answer = httpx.Response(200, headers={"Date": date} if date else {})

    assert clock_skew_s(answer, now_s=1795608000.0) == skew_s
