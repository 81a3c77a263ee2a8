"""The numbers of open work, read from the rows."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.models import Chore, Delivery
from simcrate.portal.metrics.standing import read_standing
from simcrate.portal.metrics.text import metrics_page
from simcrate.portal.queue.models import Part
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.workers.models import Worker
from simcrate.worker.port import WorkKind

DOCS = Path(__file__).parents[3] / "docs"
HOUR = timedelta(hours=1)


def numbers() -> dict[str, float]:
    """The page as a monitoring server reads it."""
    lines = metrics_page(read_standing()).splitlines()
    assert lines[-1] == "# EOF"
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def delivery(simulation: Simulation, state: DeliveryState, **columns: Any) -> Delivery:  # noqa: ANN401 - columns
    return Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", file_name="a.zip",
        keep_days=7, state=state, **columns,
    )  # fmt: skip


def worker_row(owner: str, **columns: Any) -> None:  # noqa: ANN401 - columns
    Worker.objects.create(owner=owner, machine=owner.partition("/")[0], version="1", **columns)


def grow_older(by: timedelta) -> None:
    Simulation.objects.update(created_at=F("created_at") - by)
    Delivery.objects.update(created_at=F("created_at") - by)
    Chore.objects.update(begun_at=F("begun_at") - by)


def test_without_work_every_number_is_there_and_0() -> None:
    found = numbers()

    assert found['simcrate_runs{state="queued"}'] == 0
    assert found['simcrate_deliveries{state="waiting"}'] == 0
    assert set(found.values()) == {0}


def test_runs_are_counted_while_they_wait_and_run(simulation: Simulation, worker: RowsPort) -> None:
    assert worker.claim([WorkKind.RUN])

    found = numbers()
    assert found['simcrate_runs{state="queued"}'] == 1
    assert found['simcrate_runs{state="running"}'] == 1
    assert found["simcrate_simulations_to_finish"] == 0


def test_the_run_that_waits_longest_has_the_age_of_its_simulation(simulation: Simulation) -> None:
    grow_older(HOUR)

    assert 3600 <= numbers()["simcrate_oldest_queued_run_age_seconds"] < 3660


def test_a_simulation_whose_runs_have_ended_is_to_be_finished_until_it_is_packed(
    simulation: Simulation,
) -> None:
    Run.objects.update(state=RunState.COMPLETED, started_at=Now())
    assert numbers()["simcrate_simulations_to_finish"] == 1

    Simulation.objects.update(packed_at=Now())
    assert numbers()["simcrate_simulations_to_finish"] == 0


def test_deliveries_are_counted_until_they_are_done(simulation: Simulation) -> None:
    for state in (DeliveryState.WAITING, DeliveryState.WAITING, DeliveryState.LINKED):
        delivery(simulation, state)
    delivery(simulation, DeliveryState.ANNOUNCED, spool_released_at=Now())
    grow_older(HOUR)

    found = numbers()
    assert found['simcrate_deliveries{state="waiting"}'] == 2
    assert found['simcrate_deliveries{state="linked"}'] == 1
    assert found["simcrate_failed_deliveries"] == 0
    assert 3600 <= found["simcrate_oldest_undelivered_crate_age_seconds"] < 3660


def test_a_crate_that_has_its_link_waits_for_nothing_but_its_mail(simulation: Simulation) -> None:
    delivery(simulation, DeliveryState.LINKED)
    grow_older(HOUR)

    assert numbers()["simcrate_oldest_undelivered_crate_age_seconds"] == 0


def test_a_failed_delivery_counts_until_somebody_discards_it(simulation: Simulation) -> None:
    failed = delivery(simulation, DeliveryState.FAILED, announced_at=Now())
    assert numbers()["simcrate_failed_deliveries"] == 1

    Delivery.objects.filter(pk=failed.pk).update(discarded_at=Now())
    assert numbers()["simcrate_failed_deliveries"] == 0


def test_workers_that_are_alive_are_counted_and_machines_once() -> None:
    worker_row("here/1/1", cores=4, disk_free_bytes=5, tasks=2)
    worker_row("here/2/1", cores=4, disk_free_bytes=5, is_draining=True)
    worker_row("there/1/1", cores=8, disk_free_bytes=7, is_short_of_disk=True)
    worker_row("gone/1/1", cores=16, seen_at=Now() - HOUR)

    found = numbers()
    names = ("workers", "workers_draining", "workers_busy", "workers_short_of_disk", "cores")
    assert [found[f"simcrate_{name}"] for name in names] == [3, 1, 1, 1, 12]
    assert found['simcrate_free_bytes{machine="here"}'] == 5
    assert 'simcrate_free_bytes{machine="gone"}' not in found


def test_a_chore_is_overdue_from_the_end_of_its_interval_on() -> None:
    worker_row("here/1/1")
    for name in ("sweep", "remind", "runs here", "runs gone"):
        Chore.objects.create(name=name, begun_at=Now() - 2 * HOUR)

    found = numbers()
    assert 3600 <= found['simcrate_chore_overdue_seconds{chore="sweep"}'] < 3660
    assert 6600 <= found['simcrate_chore_overdue_seconds{chore="runs here"}'] < 6660
    assert found['simcrate_chore_overdue_seconds{chore="remind"}'] == 0
    assert 'simcrate_chore_overdue_seconds{chore="runs gone"}' not in found


def test_the_chore_of_staged_parts_is_not_overdue_while_none_is_needed(
    simulation: Simulation,
) -> None:
    """As after the staging server was given up: nobody begins it any more."""
    Chore.objects.create(name="parts", begun_at=Now() - 100 * HOUR)
    overdue = 'simcrate_chore_overdue_seconds{chore="parts"}'
    assert numbers()[overdue] == 0

    Part.objects.create(run=simulation.runs.get(number=0), fence=1, size_bytes=1, staged_at=Now())
    assert numbers()[overdue] > 0


def test_the_reference_names_every_metric_and_no_other() -> None:
    introduced = re.findall(r"^# TYPE (\w+)", metrics_page(read_standing()), re.MULTILINE)
    page = (DOCS / "reference" / "metrics.md").read_text()

    assert re.findall(r"^\| `(simcrate_\w+)", page, re.MULTILINE) == introduced


def test_the_alerts_of_the_guide_use_metrics_that_there_are() -> None:
    introduced = re.findall(r"^# TYPE (\w+)", metrics_page(read_standing()), re.MULTILINE)
    guide = (DOCS / "how-to" / "administer.md").read_text().splitlines()
    used = re.findall(r"simcrate_\w+", " ".join(line for line in guide if "expr: " in line))

    assert used
    assert set(used) <= set(introduced)
