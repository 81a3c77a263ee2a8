"""A worker does as many runs at a time as it has cores, and it may have fewer than the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from simcrate.worker.facts import usable_cores
from simcrate.worker.port import WorkKind
from simcrate.worker.supervisor import default_slots


@pytest.fixture
def _one_core() -> Iterator[None]:
    """Of those that this process may use, one is left to it for a while."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("_one_core")
def test_a_worker_that_may_use_one_core_does_one_run_at_a_time() -> None:
    assert usable_cores() == 1
    assert default_slots()[WorkKind.RUN] == 1


def test_a_worker_that_is_told_does_as_many_runs_as_it_is_told() -> None:
    assert default_slots(7)[WorkKind.RUN] == 7
