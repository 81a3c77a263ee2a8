"""Lists of the admin read what they show, not what is large."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation

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
