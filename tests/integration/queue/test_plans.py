"""What is over does not slow a claim: the database goes by indexes that hold open work only."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunOutcome, RunState
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.metrics.standing import read_standing
from simcrate.portal.queue.candidates import claimable_runs, deliverable, finishable
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.services import cancel_simulation
from simcrate.worker.port import WorkKind

FINISHED = 2_000


@pytest.fixture
def _finished(simulation: Simulation) -> None:
    """Many simulations that are over, and what the database knows of them."""
    over = [
        Simulation(
            owner=simulation.owner, title="over", simulator="oppsim", ini_name="omnetpp.ini",
            config="General", precision_s=1, storage=simulation.storage, machine="here",
            packed_at=simulation.created_at,
        )
        for _ in range(FINISHED)
    ]  # fmt: skip
    Simulation.objects.bulk_create(over)
    Run.objects.bulk_create(
        Run(simulation=one, number=0, state=RunState.COMPLETED, machine="here") for one in over
    )
    Delivery.objects.bulk_create(
        Delivery(
            simulation=one, storage=one.storage, machine="here", file_name="over.zip", keep_days=7,
            state=DeliveryState.ANNOUNCED, spool_released_at=simulation.created_at,
        )
        for one in over
    )  # fmt: skip
    Run.objects.update(started_at=Now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.usefixtures("_finished")
def test_claims_look_at_open_work_only() -> None:
    by_index: dict[str, QuerySet[Any]] = {
        "run_queued": claimable_runs(),
        "simulation_unpacked": finishable("here", has_staging=False),
        "delivery_open": deliverable("here"),
    }
    for index, candidates in by_index.items():
        assert index in candidates[:8].explain()
    assert "simulation_unpacked" in finishable("here", has_staging=True)[:8].explain()


def test_what_was_cancelled_before_it_was_run_is_no_open_work(simulation: Simulation) -> None:
    cancel_simulation(simulation, who="alice")

    assert Simulation.objects.get().nothing_to_pack


def test_what_was_cancelled_while_it_ran_is_packed(
    simulation: Simulation, worker: RowsPort
) -> None:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    cancel_simulation(simulation, who="alice")
    worker.end_run(claim, RunOutcome(number=0, state=RunState.CANCELLED, reason="asked for"))

    assert not Simulation.objects.get().nothing_to_pack
    assert worker.claim([WorkKind.FINISH]) is not None


@pytest.mark.usefixtures("_finished")
def test_metrics_look_at_open_work_only() -> None:
    with CaptureQueriesContext(connection) as asked:
        read_standing()

    tables = {"simulations_run", "simulations_simulation", "deliveries_delivery"}
    plans = [
        plan_of(query["sql"]) for query in asked if tables & set(re.findall(r"\w+", query["sql"]))
    ]
    assert len(plans) == 6
    for plan in plans:
        assert re.search("run_queued|run_leased|simulation_unpacked|delivery_open", plan), plan
        assert not re.search(r"Seq Scan|SCAN \w+$", plan, re.MULTILINE), plan


def plan_of(sql: str) -> str:
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.usefixtures("_finished")
def test_who_is_at_the_limit_is_found_in_what_runs_only() -> None:
    assert "run_leased" in Run.objects.filter(state=RunState.RUNNING).order_by().explain()
