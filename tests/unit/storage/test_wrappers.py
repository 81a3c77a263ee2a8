"""Retry, rate limit and progress around a backend."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simcrate.errors import (
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageUnreachableError,
)
from simcrate.storage import Source, StorageBackend
from simcrate.storage.contract import make_source, upload
from simcrate.storage.wrappers import Pace, RetryPolicy, with_pace, with_retries
from tests.servers.clocks import Clock

if TYPE_CHECKING:
    from tests.unit.storage.conftest import FailingBackend
else:
    FailingBackend = Any

Patient = Callable[..., StorageBackend]


@pytest.fixture
def patient(backend: FailingBackend, clock: Clock) -> Patient:
    """The failing backend with retries on the fake clock; jitter is at its bound."""

    def wrap(jitter: float = 1.0, **policy: float) -> StorageBackend:
        return with_retries(
            backend, RetryPolicy(**policy), clock=clock, sleep=clock.sleep, jitter=lambda: jitter
        )

    return wrap


def unreachable(times: int) -> list[StorageError]:
    return [StorageUnreachableError() for _ in range(times)]


def test_a_retryable_error_is_tried_again(backend: FailingBackend, patient: Patient) -> None:
    backend.errors = unreachable(2)

    assert patient().space().free_bytes
    assert backend.calls == 3


def test_a_final_error_is_raised_at_once(
    backend: FailingBackend, patient: Patient, clock: Clock
) -> None:
    backend.errors = [StorageAuthError()]

    with pytest.raises(StorageAuthError):
        patient().space()
    assert (backend.calls, clock.slept) == (1, [])


def test_waits_double_up_to_the_longest(
    backend: FailingBackend, patient: Patient, clock: Clock
) -> None:
    backend.errors = unreachable(5)
    patient(first_wait_s=1.0, longest_wait_s=6.0).space()

    assert clock.slept == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_waits_are_spread_over_the_whole_bound(
    backend: FailingBackend, patient: Patient, clock: Clock
) -> None:
    backend.errors = unreachable(3)
    patient(jitter=0.25, first_wait_s=1.0).space()

    assert clock.slept == [0.25, 0.5, 1.0]


def test_a_provider_that_says_how_long_to_wait_is_obeyed(
    backend: FailingBackend, patient: Patient, clock: Clock
) -> None:
    backend.errors = [StorageBusyError(retry_after_s=17.0)]
    patient(jitter=0.0).space()

    assert clock.slept == [17.0]


def test_a_wait_beyond_the_deadline_is_not_waited(
    backend: FailingBackend, patient: Patient, clock: Clock
) -> None:
    backend.errors = [StorageBusyError(retry_after_s=3600.0)]

    with pytest.raises(StorageBusyError):
        patient(deadline_s=60.0).space()
    assert clock.slept == []


def test_after_the_deadline_the_last_error_is_raised(
    backend: FailingBackend, patient: Patient, clock: Clock
) -> None:
    backend.errors = unreachable(1000)

    with pytest.raises(StorageUnreachableError):
        patient(first_wait_s=1.0, longest_wait_s=8.0, deadline_s=60.0).space()
    assert 50.0 < sum(clock.slept) < 60.0


def test_an_upload_goes_on_from_its_last_resume_value(
    backend: FailingBackend, patient: Patient, source: Source
) -> None:
    backend.errors, backend.fail_at_bytes = unreachable(1), [1 << 19]
    stored = upload(patient(), source)

    assert backend.resumed_from == [None, stored.remote_id]
    assert len(list(backend.list_owned())) == 1


def test_bytes_gained_start_the_waits_anew(
    backend: FailingBackend, patient: Patient, source: Source, clock: Clock
) -> None:
    backend.errors, backend.fail_at_bytes = unreachable(4), [0, 0, 1 << 18, 1 << 19]
    upload(patient(first_wait_s=1.0), source)

    assert clock.slept == [1.0, 2.0, 1.0, 1.0]


def test_a_listing_that_breaks_goes_on_without_repeating(
    backend: FailingBackend, patient: Patient, tmp_path: Path
) -> None:
    sources = [make_source(tmp_path / f"{n}.zip", bytes([n])) for n in range(3)]
    stored = {upload(backend, source).remote_id for source in sources}
    backend.errors = unreachable(2)
    listed = [found.remote_id for found in patient().list_owned()]

    assert sorted(listed) == sorted(stored)


def test_a_wrapped_backend_shows_what_it_wraps(backend: FailingBackend, patient: Patient) -> None:
    wrapped = patient()

    assert (wrapped.kind, wrapped.abilities) == ("directory", backend.abilities)


def test_calls_beyond_the_burst_wait_for_their_turn(backend: FailingBackend, clock: Clock) -> None:
    pace = Pace(calls_per_s=2.0, burst=3, clock=clock, sleep=clock.sleep)
    paced = with_pace(backend, pace)
    for _ in range(5):
        paced.space()

    assert clock.slept == [0.5, 0.5]


def test_after_a_rest_a_burst_is_free_again(clock: Clock) -> None:
    pace = Pace(calls_per_s=2.0, burst=2, clock=clock, sleep=clock.sleep)
    for _ in range(2):
        pace.wait()
    clock.now_s += 60.0
    for _ in range(2):
        pace.wait()

    assert clock.slept == []


def held_off(backend: FailingBackend, clock: Clock, seconds: float) -> StorageBackend:
    """A paced backend whose provider has just asked to come back so much later."""
    paced = with_pace(backend, Pace(calls_per_s=100.0, burst=10, clock=clock, sleep=clock.sleep))
    backend.errors = [StorageBusyError(retry_after_s=seconds)]
    with pytest.raises(StorageBusyError):
        paced.space()
    return paced


def test_everybody_waits_for_some_seconds_when_one_was_told_to_come_back_then(
    backend: FailingBackend, clock: Clock
) -> None:
    held_off(backend, clock, 8.0).space()

    assert clock.slept == [8.0]


def test_nobody_sleeps_when_one_was_told_to_come_back_much_later(
    backend: FailingBackend, clock: Clock
) -> None:
    paced = held_off(backend, clock, 600.0)
    clock.now_s += 100.0
    for _ in range(20):
        with pytest.raises(StorageBusyError) as busy:
            paced.space()
        assert busy.value.retry_after_s == pytest.approx(500.0)
    assert (clock.slept, backend.calls) == ([], 1)

    clock.now_s += 500.0
    assert paced.space().free_bytes


def test_a_provider_that_wants_a_day_is_asked_again_after_an_hour(
    backend: FailingBackend, clock: Clock
) -> None:
    paced = held_off(backend, clock, 86400.0)
    clock.now_s += 3601.0

    assert paced.space().free_bytes


def test_threads_share_one_pace() -> None:
    clock = Clock()
    pace = Pace(calls_per_s=10.0, clock=lambda: 1000.0, sleep=clock.slept.append)
    threads = [threading.Thread(target=pace.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(clock.slept) == pytest.approx([0.1 * turn for turn in range(1, 8)])
