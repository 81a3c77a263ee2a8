"""The fallback is chosen at submission, among active storage backends, and never silently."""

from __future__ import annotations

import pytest
from django.test import Client

from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.services import submit_simulation
from simcrate.portal.storages.models import StorageBackend
from tests.integration.deliveries.conftest import Announce

INI = b"[General]\nnetwork = OppNet\nsim-time-limit = 60s\n[Config Short]\n"


def submit(owner: User, **changes: object) -> Simulation:
    wish: dict[str, object] = {
        "owner": owner, "ini_name": "omnetpp.ini", "files": {"omnetpp.ini": INI},
        "config": "Short", "precision_s": 10, "storage_id": "local",
    }  # fmt: skip
    return submit_simulation(**{**wish, **changes})  # type: ignore[arg-type]


def test_without_a_wish_there_is_none(alice: User, storage: StorageBackend) -> None:
    assert submit(alice).fallback is None


def test_one_that_is_active_is_kept_with_the_simulation(
    alice: User, storage: StorageBackend, other_storage: StorageBackend
) -> None:
    assert submit(alice, fallback_id="local:attic").fallback == other_storage


@pytest.mark.parametrize("identifier", ["local", "nowhere", "local:attic"])
def test_the_same_an_unknown_and_an_inactive_one_are_refused(
    alice: User, storage: StorageBackend, other_storage: StorageBackend, identifier: str
) -> None:
    StorageBackend.objects.filter(pk=other_storage.pk).update(active=False)
    with pytest.raises(SubmissionError) as refused:
        submit(alice, fallback_id=identifier)

    assert [fault.field for fault in refused.value.faults] == ["fallback_id"]


def test_the_form_offers_it_and_submitting_again_remembers_it(
    as_alice: Client, alice: User, storage: StorageBackend, other_storage: StorageBackend
) -> None:
    simulation = submit(alice, fallback_id="local:attic")
    place = as_alice.post(f"/simulations/{simulation.pk}/again/")["Location"]
    page = as_alice.get(place).content.decode()

    assert '<option value="local:attic" selected>deliver to Attic</option>' in page


def test_the_api_takes_it(
    as_alice: Client, storage: StorageBackend, other_storage: StorageBackend, announced: Announce
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    form = {
        "config": "Short", "precision_s": "10", "storage_backend_id": "local",
        "fallback_storage_backend_id": "local:attic",
        "files": SimpleUploadedFile("omnetpp.ini", INI),
    }  # fmt: skip
    answer = as_alice.post("/api/v1/simulations", form)

    assert answer.status_code == 201
    assert Simulation.objects.get(pk=answer.json()["id"]).fallback == other_storage
