"""A simulation is packed again with other parts, while what its runs left is there, and no longer."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.models.functions import Now
from django.test import Client

from simcrate.cli.run_dirs import remove_idle_inputs, remove_run_dirs
from simcrate.errors import BadInputError
from simcrate.pipeline.jobs import PackedSimulation, RunOutcome, RunState
from simcrate.pipeline.place import Place
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.queries import overview
from simcrate.portal.simulations.repacking import repack_simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.worker.port import Claim, WorkKind
from tests.integration.portal.conftest import Submit

WEEK = timedelta(days=7)


@pytest.fixture
def worker() -> RowsPort:
    return RowsPort(owner="here/1/1.00", machine="here")


@pytest.fixture
def packed(submit: Submit, worker: RowsPort) -> Simulation:
    """Its crate is delivered and announced."""
    simulation = submit(run_filter="0")
    run = claimed(worker, WorkKind.RUN)
    worker.end_run(run, RunOutcome(number=0, state=RunState.COMPLETED, reason="It is done."))
    finish(worker)
    announce(simulation)
    return simulation


def claimed(worker: RowsPort, kind: WorkKind) -> Claim:
    claim = worker.claim([kind])
    assert claim is not None
    return claim


def finish(worker: RowsPort) -> uuid.UUID:
    claim = claimed(worker, WorkKind.FINISH)
    delivery_id = worker.finish_job(claim).delivery_id
    worker.packed(
        claim,
        PackedSimulation(
            delivery_id=delivery_id, file_name="study.zip", size_bytes=9, sha256="0" * 64,
            summary={}, problems=(),
        ),
    )  # fmt: skip
    return delivery_id


def announce(simulation: Simulation, *, days_ago: int = 0) -> None:
    simulation.deliveries.update(
        state="announced",
        announced_at=Now() - timedelta(days=days_ago),
        spool_released_at=Now(),
        link_url="https://cloud.example/x/study.zip",
    )


def run_dir(var_dir: Path, simulation: Simulation) -> Path:
    """What its run left, on disk."""
    path = Place(var_dir, simulation.pk).result_dir(0)
    path.mkdir(parents=True)
    (path / "Study-#0.vec").write_text("version 3\n")
    return path


def tidy(var_dir: Path, *, floor_bytes: int = 0, machine: str = "here") -> None:
    remove_run_dirs(var_dir, machine, keep=WEEK, floor_bytes=floor_bytes)


def test_packing_again_gives_one_more_delivery_with_an_id_of_its_own(
    packed: Simulation, worker: RowsPort
) -> None:
    first = packed.deliveries.get()
    repack_simulation(packed, left_out=["vectors"])
    claim = claimed(worker, WorkKind.FINISH)

    job = worker.finish_job(claim)
    assert job.delivery_id != first.pk
    assert job.submission.left_out == {"vectors"}
    worker.release(claim)
    assert finish(worker) == job.delivery_id
    assert set(packed.deliveries.values_list("state", flat=True)) == {"announced", "spooled"}


def test_every_packing_has_a_delivery_of_its_own(packed: Simulation, worker: RowsPort) -> None:
    for _ in range(2):
        repack_simulation(packed, left_out=[])
        finish(worker)

    assert packed.deliveries.count() == 3


def test_only_the_machine_that_packed_packs_again(packed: Simulation) -> None:
    repack_simulation(packed, left_out=[])

    other = RowsPort(owner="there/1/1.00", machine="there", has_staging=True)
    assert other.claim([WorkKind.FINISH]) is None


def test_the_link_stays_while_it_is_packed_again(packed: Simulation) -> None:
    repack_simulation(packed, left_out=[])
    seen = overview(Simulation.objects.get(pk=packed.pk))

    assert seen.delivery is not None
    assert seen.delivery.link_url
    assert "packed again" in seen.standing.sentence
    assert not seen.standing.is_final


def test_the_link_stays_until_the_new_crate_has_one(packed: Simulation, worker: RowsPort) -> None:
    old = packed.deliveries.get()
    repack_simulation(packed, left_out=[])
    finish(worker)
    on_its_way = overview(Simulation.objects.get(pk=packed.pk))

    assert on_its_way.delivery == old
    assert "One more delivery is on its way to Local storage" in on_its_way.standing.sentence
    assert not on_its_way.standing.is_final
    announce(packed)
    there = overview(Simulation.objects.get(pk=packed.pk))
    assert there.delivery != old
    assert there.standing.is_final


def test_what_is_being_packed_is_not_packed_again(packed: Simulation) -> None:
    repack_simulation(packed, left_out=[])

    with pytest.raises(BadInputError, match="it is being packed"):
        repack_simulation(packed, left_out=[])


def test_what_has_no_place_to_go_is_not_packed_again(packed: Simulation) -> None:
    StorageBackend.objects.update(active=False)

    with pytest.raises(BadInputError, match="not active any more; deliver its crate again to"):
        repack_simulation(packed, left_out=[])
    assert Simulation.objects.get().packed_at is not None


def test_who_has_filled_the_storage_packs_nothing_again(packed: Simulation) -> None:
    group = Group.objects.create(name="students")
    GroupLimits.objects.create(group=group, storage_mib=1)
    packed.owner.groups.add(group)
    packed.deliveries.update(stored={"remote_id": "1"}, size_bytes=2 * 2**20)

    with pytest.raises(BadInputError, match="your crates take 2 MiB"):
        repack_simulation(packed, left_out=[])


def test_what_still_runs_is_not_packed_again(simulation: Simulation) -> None:
    with pytest.raises(BadInputError, match="its runs have not ended"):
        repack_simulation(simulation, left_out=[])


def test_what_was_never_started_is_not_packed_again(simulation: Simulation) -> None:
    Run.objects.update(state=RunState.CANCELLED)

    with pytest.raises(BadInputError, match="none of its runs was started"):
        repack_simulation(simulation, left_out=[])


def test_run_directories_stay_for_some_days_after_the_crate_was_verified(
    packed: Simulation, tmp_path: Path
) -> None:
    left = run_dir(tmp_path, packed)
    announce(packed, days_ago=6)
    tidy(tmp_path)
    assert left.exists()

    announce(packed, days_ago=8)
    tidy(tmp_path)
    assert not left.exists()
    assert not Place(tmp_path, packed.pk).simulation_dir.exists()


def test_without_run_directories_packing_again_is_refused_with_the_reason(
    packed: Simulation, tmp_path: Path
) -> None:
    run_dir(tmp_path, packed)
    announce(packed, days_ago=8)
    tidy(tmp_path)

    with pytest.raises(BadInputError, match=r"was removed from the worker on .*; run it again"):
        repack_simulation(packed, left_out=[])


@pytest.mark.parametrize("state", ["spooled", "waiting", "uploading", "linked"])
def test_run_directories_whose_crate_is_on_its_way_stay(
    packed: Simulation, tmp_path: Path, state: str
) -> None:
    left = run_dir(tmp_path, packed)
    packed.deliveries.update(state=state, announced_at=None)
    tidy(tmp_path, floor_bytes=2**62)

    assert left.exists()


def test_run_directories_whose_crate_was_never_delivered_stay(
    packed: Simulation, tmp_path: Path
) -> None:
    left = run_dir(tmp_path, packed)
    announce(packed, days_ago=100)
    packed.deliveries.update(state="failed")
    tidy(tmp_path, floor_bytes=2**62)

    assert left.exists()


def test_run_directories_that_are_packed_again_stay(packed: Simulation, tmp_path: Path) -> None:
    left = run_dir(tmp_path, packed)
    announce(packed, days_ago=8)
    repack_simulation(packed, left_out=[])
    tidy(tmp_path, floor_bytes=2**62)

    assert left.exists()


def test_below_the_floor_those_go_first_that_were_verified_first(
    packed: Simulation, tmp_path: Path, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = run_dir(tmp_path, packed), run_dir(tmp_path, copy_of(packed, submit))
    announce(packed, days_ago=2)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk(free=100 if older.exists() else 1000))
    tidy(tmp_path, floor_bytes=500)

    assert not older.exists()
    assert newer.exists()


class Disk:
    """A disk that fills up."""

    def __init__(self, *, free: int) -> None:
        self.free = free


def copy_of(packed: Simulation, submit: Submit) -> Simulation:
    """Another one, verified just now."""
    copy = submit()
    Simulation.objects.filter(pk=copy.pk).update(packed_at=Now(), machine="here")
    source = packed.deliveries.get()
    Delivery.objects.create(
        simulation=copy, storage=copy.storage, machine="here", file_name="study.zip",
        state="announced", announced_at=source.announced_at, keep_days=7,
    )  # fmt: skip
    return copy


def test_another_machine_removes_its_copy_and_the_simulation_can_still_be_packed_again(
    packed: Simulation, tmp_path: Path
) -> None:
    copy = run_dir(tmp_path, packed)
    announce(packed, days_ago=8)
    tidy(tmp_path, machine="there")

    assert not copy.exists()
    repack_simulation(packed, left_out=[])


def test_a_removal_that_was_interrupted_is_ended(packed: Simulation, tmp_path: Path) -> None:
    left = run_dir(tmp_path, packed)
    announce(packed, days_ago=8)
    Simulation.objects.update(run_dirs_removed_at=Now())
    tidy(tmp_path)

    assert not left.exists()


def test_the_page_packs_again_with_the_parts_that_are_ticked(
    as_alice: Client, packed: Simulation
) -> None:
    page = as_alice.get(f"/simulations/{packed.pk}/").content.decode()
    assert "Pack again" in page

    answer = as_alice.post(f"/simulations/{packed.pk}/repack/", {"parts": ["csv"]}, follow=True)
    assert "being packed again" in answer.content.decode()
    packed.refresh_from_db()
    assert packed.left_out == ["figures", "parquet", "vectors"]


def test_the_page_says_why_it_cannot_be_packed_again(as_alice: Client, packed: Simulation) -> None:
    Simulation.objects.update(run_dirs_removed_at=Now())
    page = as_alice.get(f"/simulations/{packed.pk}/").content.decode()

    assert "was removed from the worker" in page
    assert "repack/" not in page


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [({"left_out": ["vectors"]}, 202, "packed again"), ({"left_out": ["logs"]}, 422, "no part")],
)
def test_the_api_packs_again(
    as_alice: Client, packed: Simulation, form: dict[str, Any], status: int, said: str
) -> None:
    answer = as_alice.post(f"/api/v1/simulations/{packed.pk}/repack", form)

    assert answer.status_code == status
    assert said in answer.content.decode()


def inputs(var_dir: Path, simulation: Simulation) -> Path:
    """The submitted files, on a machine that only runs."""
    path = Place(var_dir, simulation.pk).input_dir
    path.mkdir(parents=True)
    (path / "omnetpp.ini").write_text("[General]\n")
    return path


def test_a_machine_that_only_runs_forgets_what_was_submitted_when_no_run_is_left_for_it(
    submit: Submit, worker: RowsPort, tmp_path: Path
) -> None:
    simulation = submit(run_filter="0..1")
    path = inputs(tmp_path, simulation)
    first, second = claimed(worker, WorkKind.RUN), claimed(worker, WorkKind.RUN)
    worker.end_run(first, RunOutcome(number=0, state=RunState.COMPLETED, reason=""))
    remove_idle_inputs(tmp_path, "here")
    assert path.exists()  # the other run needs it

    remove_idle_inputs(tmp_path, "elsewhere")
    assert not path.exists()

    path = inputs(tmp_path, simulation)
    worker.end_run(second, RunOutcome(number=1, state=RunState.COMPLETED, reason=""))
    remove_idle_inputs(tmp_path, "here")
    assert not path.exists()


def test_files_stay_while_a_run_is_queued_and_go_with_a_simulation_that_is_gone(
    submit: Submit, tmp_path: Path
) -> None:
    simulation = submit(run_filter="0")
    path = inputs(tmp_path, simulation)
    remove_idle_inputs(tmp_path, "here")
    assert path.exists()

    simulation.delete()
    remove_idle_inputs(tmp_path, "here")
    assert not path.exists()
