"""Limits of groups: which hold, what they refuse, what they hold back."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db.models import Q
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.limits.queries import UserLimits, limits_of, storage_used_bytes
from simcrate.portal.queue.candidates import claimable_runs
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.services import submit_simulation
from simcrate.portal.start import prepare
from simcrate.portal.storages.models import StorageBackend
from simcrate.worker.port import WorkKind

INI = b"[Config A]\nnetwork = OppNet\nrepeat = 5\nsim-time-limit = 100s\n"
MIB = 2**20


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    from django.conf import settings

    prepare(settings.VAR_DIR)
    StorageBackend.objects.create(name="Local storage", identifier="local", token="127.0.0.1:1")


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def join(user: User, name: str, **limits: int) -> None:
    group = Group.objects.create(name=name)
    GroupLimits.objects.create(group=group, **limits)
    user.groups.add(group)


def submit(user: User, run_filter: str = "") -> Simulation:
    return submit_simulation(
        owner=user,
        ini_name="omnetpp.ini",
        files={"omnetpp.ini": INI},
        config="A",
        precision_s=1,
        storage_id="local",
        run_filter=run_filter,
    )


def test_without_a_group_nothing_is_limited(alice: User) -> None:
    assert limits_of(alice) == UserLimits()
    assert UserLimits().sentences() == []


def test_who_is_in_several_groups_has_the_widest_of_each(alice: User) -> None:
    join(alice, "students", memory_mib=100, runs_per_simulation=10, wall_time_min=5)
    join(alice, "group", memory_mib=300, runs_per_simulation=0, wall_time_min=2)

    assert limits_of(alice) == UserLimits(memory_mib=300, runs_per_simulation=0, wall_time_min=5)


def test_limits_are_told_in_words() -> None:
    assert UserLimits(memory_mib=2048, runs_per_simulation=10).sentences() == [
        "2,048 MiB of memory for a run",
        "runs in one simulation: 10",
    ]


def test_a_run_gets_the_limits_of_its_owner(alice: User) -> None:
    join(alice, "students", memory_mib=100, disk_mib=10, wall_time_min=5, cpu_time_min=2)
    submit(alice, "0")
    worker = RowsPort(owner="here/1/1.00", machine="here")
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    limits = worker.limits(claim)

    assert (limits.memory_bytes, limits.disk_bytes) == (100 * MIB, 10 * MIB)
    assert (limits.wall_time_s, limits.cpu_time_s) == (300, 120)


def test_more_runs_than_allowed_are_refused_with_the_reason(alice: User) -> None:
    join(alice, "students", runs_per_simulation=4)

    with pytest.raises(SubmissionError, match="your limit is 4"):
        submit(alice)
    assert not Simulation.objects.exists()
    submit(alice, "0..3")


def test_who_has_filled_the_storage_submits_nothing_more(alice: User) -> None:
    join(alice, "students", storage_mib=1)
    simulation = submit(alice, "0")
    kept = Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", file_name="a.zip",
        size_bytes=2 * MIB, keep_days=7, stored={"remote_id": "1"},
    )  # fmt: skip
    with pytest.raises(SubmissionError, match="your crates take 2 MiB"):
        submit(alice, "0")

    Delivery.objects.filter(pk=kept.pk).update(removed_at=Now())
    submit(alice, "0")


def test_more_simulations_at_a_time_than_allowed_wait(alice: User) -> None:
    join(alice, "students", parallel_simulations=1)
    bob = User.objects.create_user("bob")
    first, second = submit(alice, "0..1"), submit(alice, "0")
    third = submit(bob, "0")
    worker = RowsPort(owner="here/1/1.00", machine="here")
    claimed = [worker.claim([WorkKind.RUN]) for _ in range(4)]

    assert [claim and claim.simulation_id for claim in claimed] == [
        first.pk,
        first.pk,
        third.pk,
        None,
    ]
    Run.objects.filter(simulation=first).update(state=RunState.COMPLETED)
    freed = worker.claim([WorkKind.RUN])
    assert freed is not None
    assert freed.simulation_id == second.pk


def test_workers_that_look_at_once_start_no_more_than_allowed(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(alice, "students", parallel_simulations=1)
    first, _ = submit(alice, "0..1"), submit(alice, "0")
    workers = [RowsPort(owner=f"here/{n}/1.00", machine="here") for n in range(3)]
    monkeypatch.setattr("simcrate.portal.queue.candidates.held_back", lambda: Q(pk__in=[]))
    claimed = [worker.claim([WorkKind.RUN]) for worker in workers]

    assert [claim and claim.simulation_id for claim in claimed] == [first.pk, first.pk, None]
    assert Run.objects.get(state=RunState.QUEUED).fence == 0


def test_who_may_have_more_at_a_time_in_one_group_may_in_all(alice: User) -> None:
    join(alice, "students", parallel_simulations=1)
    join(alice, "group", parallel_simulations=2)
    for _ in range(3):
        submit(alice, "0")
    worker = RowsPort(owner="here/1/1.00", machine="here")
    assert all(worker.claim([WorkKind.RUN]) for _ in range(2))
    assert worker.claim([WorkKind.RUN]) is None

    join(alice, "staff", parallel_simulations=0)
    assert worker.claim([WorkKind.RUN]) is not None


def test_members_without_work_make_a_claim_no_slower(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    join(alice, "students", parallel_simulations=1)
    Group.objects.get().user_set.set([alice, *others(50)])
    for _ in range(2):
        submit(alice, "0")
    RowsPort(owner="here/1/1.00", machine="here").claim([WorkKind.RUN])

    with django_assert_num_queries(3):
        assert not claimable_runs().exists()


def others(count: int) -> list[User]:
    return User.objects.bulk_create(User(username=f"member{number}") for number in range(count))


def test_a_crate_that_was_never_stored_takes_no_storage(alice: User) -> None:
    simulation = submit(alice, "0")
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", file_name="a.zip",
        size_bytes=2 * MIB, keep_days=7,
    )  # fmt: skip

    assert storage_used_bytes(alice) == 0
