"""Who may look at rows of the admin may not yet do something to them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.workers.models import Worker
from tests.integration.portal.conftest import browser_of


@pytest.fixture
def auditor(db: None) -> User:
    """Staff that may look at everything."""
    user = User.objects.create_user("auditor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


def allow(user: User, codename: str) -> Client:
    user.user_permissions.add(Permission.objects.get(codename=codename))
    return browser_of(user)


def test_permalinks_are_revoked_by_whoever_may_change_deliveries(
    auditor: User, simulation: Simulation
) -> None:
    delivery = Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", keep_days=7
    )
    values = {"action": "revoke_permalinks", "_selected_action": [str(delivery.pk)]}
    address = "/admin/deliveries/delivery/"
    browser_of(auditor).post(address, values)
    assert not Delivery.objects.get().permalink_revoked

    allow(auditor, "change_delivery").post(address, values)
    assert Delivery.objects.get().permalink_revoked


def test_a_worker_that_begins_no_runs_for_want_of_space_is_listed_so(auditor: User) -> None:
    Worker.objects.create(owner="here/1/1.00", machine="here", disk_free_bytes=2**20)
    assert "begins no runs" not in browser_of(auditor).get("/admin/workers/worker/").text

    Worker.objects.update(is_short_of_disk=True)
    assert "⚠ 1.0\xa0MB: begins no runs" in browser_of(auditor).get("/admin/workers/worker/").text


def test_workers_are_drained_by_whoever_may_change_workers(auditor: User) -> None:
    Worker.objects.create(owner="here/1/1.00", machine="here", version="1", sandbox="none")
    values = {"action": "drain", "_selected_action": ["here/1/1.00"]}
    address = "/admin/workers/worker/"
    browser_of(auditor).post(address, values)
    assert not Worker.objects.get().is_draining

    allow(auditor, "change_worker").post(address, values)
    assert Worker.objects.get().is_draining
