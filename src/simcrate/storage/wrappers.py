"""Retry, rate limit and progress, as wrappers around any storage backend.

A backend tries once; who calls it decides how patient to be:

    backend = with_retries(with_pace(open_backend(definition), pace))
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from simcrate.errors import StorageBusyError, StorageError
from simcrate.storage.base import (
    JSON,
    Finding,
    Link,
    LinkPolicy,
    SaveResume,
    ShowProgress,
    Source,
    Space,
    StorageBackend,
    StoredCrate,
)

T = TypeVar("T")

Clock = Callable[[], float]
"""Monotonic seconds."""
Sleep = Callable[[float], None]
"""Wait so many seconds."""

LONGEST_TURN_S = 10.0
"""Nobody sleeps longer for a turn."""
LONGEST_HOLD_OFF_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient one call is; the delivery engine's patience is on top of it and much longer."""

    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    deadline_s: float = 120.0
    """No try starts later than this after the call; one that is under way is not cut off."""


class Pace:
    """How fast one provider is called, by all threads that share this object.

    A token bucket: `burst` calls at once, then `calls_per_s`.  When the provider asks to come back later,
    nobody calls it meanwhile: who would have to wait for long is told so, and has its thread for other work.
    """

    def __init__(
        self,
        *,
        calls_per_s: float,
        burst: int = 1,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._interval_s = 1.0 / calls_per_s
        self._slack_s = (burst - 1) * self._interval_s
        self._clock = clock
        self._sleep = sleep
        self._next = clock() - self._slack_s
        self._lock = Lock()

    def wait(self, sleep: Sleep | None = None) -> None:
        """Wait for one's turn, by a sleep of one's own if it can be broken off.

        Raises:
            StorageBusyError: it does not come within `LONGEST_TURN_S`; says when.
        """
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - self._slack_s)
            wait_s = turn - now
            if wait_s > LONGEST_TURN_S:
                message = "the storage backend has asked us to come back later; nobody calls it until then"
                raise StorageBusyError(message, retry_after_s=wait_s)
            self._next = turn + self._interval_s
        if wait_s > 0:
            (sleep or self._sleep)(wait_s)

    def hold_off(self, seconds: float) -> None:
        """Nobody's turn comes before that; a provider that wants more than an hour is asked again then."""
        with self._lock:
            self._next = max(self._next, self._clock() + min(seconds, LONGEST_HOLD_OFF_S))


def with_retries(
    backend: StorageBackend,
    policy: RetryPolicy | None = None,
    *,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> StorageBackend:
    """The same backend; a retryable error is tried again until the policy's deadline.

    Waits grow exponentially with full jitter: uniformly distributed up to a bound that doubles with each
    failure in a row.  A provider's `retry_after_s` is honoured; one beyond the deadline is raised at
    once.  An upload goes on from the last resume value, and bytes gained start the waits anew.  `check`
    is not retried: the doctor reports what it sees.

    Args:
        backend: any.
        policy: how patient.
        clock: monotonic seconds.
        sleep: waits so many seconds.
        jitter: uniform in 0..1.

    Source: "full jitter" in M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
    """
    return _RetryingBackend(backend, policy or RetryPolicy(), clock, sleep, jitter)


def with_pace(backend: StorageBackend, pace: Pace, *, sleep: Sleep | None = None) -> StorageBackend:
    """The same backend, each call at the provider's pace; `sleep` instead of the pace's own."""
    return _PacedBackend(backend, pace, sleep)


class _Wrapper(StorageBackend):
    """Passes everything on through `_call`."""

    def __init__(self, inner: StorageBackend) -> None:
        self._inner = inner
        # a wrapper shows the class attributes of what it wraps
        vars(self).update(
            kind=inner.kind,
            title=inner.title,
            abilities=inner.abilities,
            options=inner.options,
            token_option=inner.token_option,
        )

    def _call(self, call: Callable[[], T]) -> T:
        return call()

    def check(self) -> Iterator[Finding]:
        return self._inner.check()

    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        return self._call(
            lambda: self._inner.upload(
                source, name, resume=resume, save_resume=save_resume, progress=progress
            )
        )

    def link(self, stored: StoredCrate, policy: LinkPolicy) -> Link:
        return self._call(lambda: self._inner.link(stored, policy))

    def stat(self, stored: StoredCrate) -> StoredCrate:
        return self._call(lambda: self._inner.stat(stored))

    def delete(self, stored: StoredCrate) -> None:
        return self._call(lambda: self._inner.delete(stored))

    def list_owned(self) -> Iterator[StoredCrate]:
        return self._call(self._inner.list_owned)

    def space(self) -> Space:
        return self._call(self._inner.space)

    def close(self) -> None:
        self._inner.close()


class _PacedBackend(_Wrapper):
    def __init__(self, inner: StorageBackend, pace: Pace, sleep: Sleep | None) -> None:
        super().__init__(inner)
        self._pace = pace
        self._sleep = sleep

    def _call(self, call: Callable[[], T]) -> T:
        self._pace.wait(self._sleep)
        try:
            return call()
        except StorageBusyError as error:
            self._pace.hold_off(error.retry_after_s)
            raise


class _RetryingBackend(_Wrapper):
    def __init__(
        self,
        inner: StorageBackend,
        policy: RetryPolicy,
        clock: Clock,
        sleep: Sleep,
        jitter: Callable[[], float],
    ) -> None:
        super().__init__(inner)
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter

    def _call(self, call: Callable[[], T]) -> T:
        patience = self._patience()
        while True:
            try:
                return call()
            except StorageError as error:
                patience.wait_or_raise(error)

    def upload(
        self,
        source: Source,
        name: str,
        *,
        resume: JSON = None,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> StoredCrate:
        patience = self._patience()
        latest, most_bytes = resume, 0

        def keep(value: JSON) -> None:
            nonlocal latest
            save_resume(value)
            latest = value

        def gain(sent_bytes: int) -> None:
            nonlocal most_bytes
            if sent_bytes > most_bytes:
                most_bytes = sent_bytes
                patience.failures = 0
            progress(sent_bytes)

        while True:
            try:
                return self._inner.upload(
                    source, name, resume=latest, save_resume=keep, progress=gain
                )
            except StorageError as error:
                patience.wait_or_raise(error)

    def list_owned(self) -> Iterator[StoredCrate]:
        patience = self._patience()
        seen: set[str] = set()
        while True:
            try:
                for stored in self._inner.list_owned():
                    if stored.remote_id not in seen:
                        seen.add(stored.remote_id)
                        yield stored
            except StorageError as error:
                patience.wait_or_raise(error)
            else:
                return

    def _patience(self) -> _Patience:
        return _Patience(self._policy, self._clock, self._sleep, self._jitter)


class _Patience:
    """What is left of it in one call."""

    def __init__(
        self, policy: RetryPolicy, clock: Clock, sleep: Sleep, jitter: Callable[[], float]
    ) -> None:
        self.failures = 0
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._deadline = clock() + policy.deadline_s

    def wait_or_raise(self, error: StorageError) -> None:
        """Wait before the next try; raise the error where there is none."""
        if not error.retryable:
            raise error
        bound_s = min(self._policy.longest_wait_s, self._policy.first_wait_s * 2**self.failures)
        wait_s = bound_s * self._jitter()
        if isinstance(error, StorageBusyError):
            wait_s += error.retry_after_s
        if self._clock() + wait_s >= self._deadline:
            raise error
        self.failures += 1
        self._sleep(wait_s)
