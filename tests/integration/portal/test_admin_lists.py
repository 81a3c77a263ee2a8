"""Lists of the admin read what they show, not what is large."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.workers.models import Worker

LARGE = ('"summary"', '"log_tail"', '"outcome"')


@pytest.mark.parametrize(
    "name", ["simulations/simulation", "simulations/run", "deliveries/delivery"]
)
def test_a_list_reads_no_summaries_and_no_logs(
    as_root: Client, simulation: Simulation, name: str
) -> None:
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", keep_days=7
    )
    with CaptureQueriesContext(connection) as asked:
        answer = as_root.get(f"/admin/{name}/")

    assert answer.status_code == 200
    assert not [query for query in asked if any(column in query["sql"] for column in LARGE)]


def test_a_page_of_one_run_still_shows_its_log(as_root: Client, simulation: Simulation) -> None:
    run = simulation.runs.all()[0]
    simulation.runs.update(log_tail="It has begun.")

    page = as_root.get(f"/admin/simulations/run/{run.pk}/change/").content.decode()

    assert "It has begun." in page


def test_a_list_of_simulations_says_where_they_stand_in_as_many_queries_at_any_length(
    as_root: Client, submit: Callable[..., Simulation], django_assert_num_queries: object
) -> None:
    simulation = submit()
    with CaptureQueriesContext(connection) as asked:
        text = as_root.get("/admin/simulations/simulation/").text
    assert "queued: 4 queued" in text
    assert f'href="/simulations/{simulation.pk}/"' in text

    submit()
    submit()
    with django_assert_num_queries(len(asked)):  # type: ignore[operator]
        as_root.get("/admin/simulations/simulation/")


def test_times_are_written_as_on_the_other_pages(as_root: Client, simulation: Simulation) -> None:
    text = as_root.get("/admin/simulations/simulation/").text

    assert f"{simulation.created_at:%H:%M} UTC" in text


def test_the_built_in_simulator_is_told_of_where_others_are_defined(as_root: Client) -> None:
    assert "oppsim" in as_root.get("/admin/simulators/simulatordefinition/").text


def test_what_0_means_is_said_beside_the_limits(as_root: Client) -> None:
    assert "0 means unlimited" in as_root.get("/admin/auth/group/add/").text


@pytest.mark.parametrize(
    ("seen_ago", "is_draining", "state"),
    [(0, False, "alive"), (0, True, "draining"), (300, False, "gone")],
)
def test_a_worker_is_alive_or_draining_or_gone(
    as_root: Client,
    seen_ago: int,
    is_draining: bool,  # noqa: FBT001 - a case of the table
    state: str,
) -> None:
    seen_at = datetime.now(UTC) - timedelta(seconds=seen_ago)
    Worker.objects.create(
        owner="here/1/1", machine="here", seen_at=seen_at, is_draining=is_draining
    )

    text = as_root.get("/admin/workers/worker/").text

    assert re.search(rf">\s*{state}\s*<", text)
    assert "icon-no" not in text
