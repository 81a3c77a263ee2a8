"""Chores are done once in a while by one worker, whichever comes first."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings

from simcrate.cli.bench import make_bench
from simcrate.cli.run_dirs import remove_run_dirs
from simcrate.cli.upkeep import Chore as Task
from simcrate.cli.upkeep import chores_of, do_due, tidy_spool
from simcrate.errors import StorageUnreachableError
from simcrate.pipeline.place import ONLY_COPY, Place, spool_path
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.chores import EVERY, take_chore
from simcrate.portal.deliveries.models import Chore, Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.nightly import warn_administrators
from simcrate.worker.identity import machine_name
from tests.integration.deliveries.conftest import Announce, days_pass
from tests.servers.clocks import Clock

HOUR = timedelta(hours=1)


def time_passes(by: timedelta) -> None:
    Chore.objects.update(begun_at=F("begun_at") - by)


def test_a_chore_is_due_once_in_its_interval() -> None:
    assert not take_chore("sweep", every=HOUR)  # the first interval begins
    time_passes(HOUR)

    assert take_chore("sweep", every=HOUR)
    assert not take_chore("sweep", every=HOUR)


def test_a_chore_that_was_begun_by_a_clock_a_year_ahead_is_due() -> None:
    take_chore("sweep", every=HOUR)
    time_passes(-timedelta(days=365))

    assert take_chore("sweep", every=HOUR)
    assert not take_chore("sweep", every=HOUR)


def test_a_chore_that_fails_costs_no_other() -> None:
    done: list[str] = []

    def fail() -> None:
        raise StorageUnreachableError("no answer")

    def fail_badly() -> None:
        raise ZeroDivisionError

    tasks = [
        Task("a", HOUR, fail),
        Task("b", HOUR, fail_badly),
        Task("c", HOUR, lambda: done.append("c")),
    ]
    do_due(tasks)
    time_passes(HOUR)
    do_due(tasks)

    assert done == ["c"]


def an_hour_later(chores: list[Task], clock: Clock) -> None:
    clock.now_s += 3600
    time_passes(HOUR)
    do_due(chores)


def test_a_worker_sweeps_reminds_and_examines(announced: Announce) -> None:
    delivery, clock = announced(), Clock()
    chores = chores_of(make_bench(), clock)
    do_due(chores)
    days_pass(8)
    time_passes(timedelta(days=2))
    do_due(chores)
    an_hour_later(chores, clock)  # the definition names a port that nobody listens on

    delivery.refresh_from_db()
    assert delivery.state == "expiring"
    assert [event.what for event in delivery.events.all()] == ["not removed", "expiring"]


def test_a_clock_that_is_ahead_for_a_while_removes_nothing(announced: Announce) -> None:
    delivery, clock = announced(), Clock()
    chores = [chore for chore in chores_of(make_bench(), clock) if chore.name == "sweep"]
    do_due(chores)
    for days in (8, -8):
        days_pass(days)
        an_hour_later(chores, clock)
        time_passes(HOUR)  # by that clock; none has passed
        do_due(chores)

    delivery.refresh_from_db()
    assert delivery.state == "announced"


def test_a_machine_that_only_runs_tidies_its_runs_and_nothing_that_needs_credentials(
    settings: Settings,
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, staging_url="http://10.0.0.2:8976")
    bench = make_bench()
    (chore,) = chores_of(bench)
    assert chore.name.startswith("runs ")

    inputs = Place(bench.var_dir, uuid.uuid4()).input_dir
    inputs.mkdir(parents=True)
    do_due([chore])
    time_passes(HOUR)
    do_due([chore])
    assert not inputs.exists()


def test_a_machine_that_packs_keeps_staged_parts_from_expiring(
    settings: Settings, tmp_path: Path
) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text("lcs_secret")
    settings.ENVIRONMENT = replace(
        settings.ENVIRONMENT, staging_url="http://10.0.0.2:8976", staging_secret_file=secret_file
    )
    names = {chore.name.partition(" ")[0] for chore in chores_of(make_bench())}

    assert names == set(EVERY)


def test_what_a_machine_has_to_do_no_longer_is_forgotten_and_never_overdue() -> None:
    bench = make_bench()
    machine = machine_name(bench.var_dir)
    for name in (f"lost {machine}", "lost elsewhere"):  # it had a staging server once
        Chore.objects.create(name=name, begun_at=Now())
    chores = chores_of(bench)
    do_due(chores)
    time_passes(HOUR)
    do_due(chores)

    names = set(Chore.objects.values_list("name", flat=True))
    assert names == {"lost elsewhere", *(chore.name for chore in chores)}


def test_run_directories_are_removed_when_their_crate_was_verified_for_long_enough(
    announced: Announce,
) -> None:
    delivery = announced(sha256="ab")
    bench = make_bench()
    machine = machine_name(bench.var_dir)
    Simulation.objects.update(packed_at=Now(), machine=machine)
    directory = Place(bench.var_dir, delivery.simulation_id).result_dir(0)
    directory.mkdir(parents=True)
    chores = [chore for chore in chores_of(bench) if chore.name.startswith("runs ")]
    do_due(chores)
    time_passes(HOUR)
    do_due(chores)
    assert directory.exists()

    days_pass(8)
    time_passes(HOUR)
    do_due(chores)
    assert not directory.exists()


def test_run_directories_with_the_only_copy_of_a_run_stay_until_somebody_has_taken_it(
    announced: Announce,
) -> None:
    delivery, var_dir = announced(sha256="ab"), make_bench().var_dir
    place = Place(var_dir, delivery.simulation_id)
    place.run_dir(0).mkdir(parents=True)
    place.mark_only_copy(0)
    Simulation.objects.update(packed_at=Now(), machine="elsewhere")
    days_pass(100)
    remove_run_dirs(var_dir, "here", keep=HOUR, floor_bytes=1 << 62)
    assert place.run_dir(0).exists()

    (place.run_dir(0) / ONLY_COPY).unlink()
    remove_run_dirs(var_dir, "here", keep=HOUR, floor_bytes=0)
    assert not place.run_dir(0).exists()


def test_administrators_hear_of_a_backend_that_is_unwell(
    storage: StorageBackend, alice: User, mailoutbox: list[object]
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    (unwell,) = warn_administrators()

    assert unwell.backend == storage
    (mail,) = mailoutbox
    assert mail.to == ["alice@example.org"]  # type: ignore[attr-defined]
    assert "nobody answers" in mail.body  # type: ignore[attr-defined]


def test_users_and_inactive_backends_are_left_alone(
    storage: StorageBackend, alice: User, mailoutbox: list[object]
) -> None:
    warn_administrators()
    assert mailoutbox == []

    StorageBackend.objects.update(active=False)
    assert warn_administrators() == []


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is down is given up at once."""
    from simcrate.storage import RetryPolicy, patient

    monkeypatch.setattr(patient, "BLIP", RetryPolicy(deadline_s=0))
    monkeypatch.setattr(
        patient.PatientBackends.__init__, "__kwdefaults__", {"policy": patient.BLIP}
    )


def test_a_needless_spool_is_let_go(announced: Announce) -> None:
    good = announced(sha256="ab")
    bench = make_bench()
    chores = chores_of(bench)
    machine = next(chore.name for chore in chores if chore.name.startswith("spool")).split()[1]
    failed = Delivery.objects.create(
        simulation=good.simulation, storage=good.storage, state="failed", machine=machine,
        file_name="study.zip", sha256="ab", keep_days=7, announced_at=good.announced_at,
    )  # fmt: skip
    directory = Path(settings.VAR_DIR) / "spool" / str(failed.pk)
    directory.mkdir(parents=True)
    (directory / "study.zip").write_bytes(b"a crate")
    do_due(chores)
    time_passes(HOUR)
    do_due(chores)

    assert not directory.exists()


def test_what_is_left_of_a_released_spool_is_let_go(announced: Announce) -> None:
    released, waiting = announced(), announced(state="failed", spool_released_at=None)
    bench = make_bench()
    left = [spool_path(bench.var_dir, row.pk, "study.zip").parent for row in (released, waiting)]
    for directory in left:
        directory.mkdir(parents=True)
    tidy_spool(bench, machine_name(bench.var_dir))

    assert [directory.exists() for directory in left] == [False, True]
