"""Storage backends for programs: one pace for each definition, waits that can be broken off."""

from __future__ import annotations

import time

import pytest

from simcrate.errors import StorageUnreachableError, WorkEndedError
from simcrate.pipeline.watch import Watch
from simcrate.storage import PatientBackends, RetryPolicy, StorageDefinition, StoredCrate, patient
from simcrate.storage.patient import BURST

NOBODY = StorageDefinition(name="Nobody", id="local", token="127.0.0.1:1")
NOWHERE = StoredCrate(
    remote_id="x", name="x/x.zip", size_bytes=1, digest="", extra={"url": "http://x/x/x.zip"}
)
SOMEBODY = StorageDefinition(name="Other", id="local:other", token="127.0.0.1:1")


def call(backends: PatientBackends, definition: StorageDefinition, slept: list[float]) -> None:
    backend = backends.open(definition, sleep=slept.append)
    with pytest.raises(StorageUnreachableError):
        backend.stat(NOWHERE)


def test_all_that_is_opened_for_a_definition_shares_its_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patient, "CALLS_PER_S", 0.25)  # no turn comes back during the test
    backends = PatientBackends(policy=RetryPolicy(deadline_s=0))
    slept: list[float] = []
    for _ in range(BURST + 2):
        call(backends, NOBODY, slept)
    assert len(slept) == 2
    call(backends, SOMEBODY, slept)

    assert len(slept) == 2


def test_a_failure_that_may_pass_is_tried_again_until_the_deadline() -> None:
    backends = PatientBackends(policy=RetryPolicy(deadline_s=1.0, first_wait_s=0.02))
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    backend = backends.open(NOBODY, sleep=sleep)
    with pytest.raises(StorageUnreachableError):
        backend.stat(NOWHERE)

    assert 0 < sum(waits) < 2


def test_a_worker_that_ends_does_not_wait() -> None:
    watch = Watch()
    backends = PatientBackends(policy=RetryPolicy(first_wait_s=60, longest_wait_s=60))
    backend = backends.open(NOBODY, sleep=watch.sleep)
    watch.abandon()

    with pytest.raises(WorkEndedError):
        backend.stat(NOWHERE)


def test_nothing_is_asked_of_a_server_before_it_is_needed() -> None:
    PatientBackends().open(NOBODY).close()
