"""The key is lost that a storage backend's credentials were encrypted with."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection

from simcrate.cli.bench import make_bench
from simcrate.delivery import sweep
from simcrate.pipeline.watch import Watch
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.retention import RowRetention
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.services import get_definition
from simcrate.worker.identity import machine_name
from simcrate.worker.port import WorkKind
from simcrate.worker.tasks import perform
from tests.integration.deliveries.conftest import Announce, days_pass


@pytest.fixture
def _lost_key(simulation: Simulation) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE storages_storagebackend SET token = 'of another key'")


@pytest.mark.usefixtures("_lost_key")
def test_a_delivery_fails_and_says_so(simulation: Simulation) -> None:
    row = Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, keep_days=7, file_name="study.zip",
        machine=machine_name(settings.VAR_DIR),
    )  # fmt: skip
    bench = make_bench()
    claim = bench.port.claim([WorkKind.DELIVERY])
    assert claim is not None
    perform(bench, claim, Watch())

    row.refresh_from_db()
    assert row.state == "failed"
    assert "put the key back" in row.error


@pytest.mark.usefixtures("_lost_key")
def test_what_has_expired_there_is_told_and_waits(announced: Announce) -> None:
    expired = announced()
    days_pass(8)
    bench = make_bench()
    (removal,) = sweep(
        RowRetention("the hourly sweep"), lambda to: bench.backends.open(get_definition(to))
    )

    expired.refresh_from_db()
    assert "put the key back" in removal.error
    assert expired.state == "expiring"
