"""The submitter chooses the parts of the crate, sees its likely size and is warned of credentials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Draft, Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.worker.port import Claim, WorkKind
from tests.integration.portal.conftest import INI, Submit

PASSWORD = b'*.host[*].wifiPassword = "hunter2-and-more"\n'
SIMULATIONS = "/api/v1/simulations"
CHOICES = {"config": "Study", "precision_s": "10", "storage_id": "local", "licence": "CC-BY-4.0"}


def draft(client: Client, ini: bytes = INI) -> str:
    """The address of the second step."""
    return str(client.post("/simulations/new/", {"ini_text": ini.decode()})["Location"])


def api_form(**changes: object) -> dict[str, Any]:
    return {
        "files": [SimpleUploadedFile("omnetpp.ini", INI + PASSWORD)],
        "config": "Study",
        "precision_s": "10",
        "storage_backend_id": "local",
        **changes,
    }


def pack(simulation: Simulation, size_bytes: int) -> None:
    Simulation.objects.filter(pk=simulation.pk).update(packed_at=Now())
    Delivery.objects.create(
        simulation=simulation, storage=simulation.storage, machine="here", file_name="study.zip",
        size_bytes=size_bytes, sha256="0" * 64, keep_days=7,
    )  # fmt: skip


def preview(client: Client, **choices: str | list[str]) -> str:
    address = draft(client) + "runs/"
    wanted: dict[str, str | list[str]] = {
        "config": "Study",
        "parts": ["vectors", "csv", "parquet", "figures"],
        **choices,
    }
    return client.get(address, wanted).content.decode().replace("\xa0", " ")


def test_all_parts_are_chosen_unless_told_otherwise(submit: Submit) -> None:
    assert submit().left_out == []


def test_the_form_begins_with_all_parts(as_alice: Client, storage: StorageBackend) -> None:
    page = as_alice.get(draft(as_alice)).content.decode()

    for part in ("vectors", "csv", "parquet", "figures"):
        assert f'name="parts" value="{part}"' in page
    assert page.count(" checked") >= 4


def test_what_is_not_ticked_is_left_out_and_told_to_the_worker(
    as_alice: Client, storage: StorageBackend
) -> None:
    as_alice.post(draft(as_alice), {**CHOICES, "parts": ["csv", "figures"]})

    simulation = Simulation.objects.get()
    assert simulation.left_out == ["parquet", "vectors"]
    claim = Claim(
        kind=WorkKind.FINISH, id="", simulation_id=simulation.pk, owner="here/1/1", fence=1
    )
    submission = RowsPort(owner="here/1/1", machine="here").submission(claim)
    assert submission.left_out == {"parquet", "vectors"}


def test_running_again_begins_with_the_same_parts(
    as_alice: Client, submit: Submit, storage: StorageBackend
) -> None:
    simulation = submit(left_out=["vectors"])
    as_alice.post(f"/simulations/{simulation.pk}/again/")

    assert Draft.objects.get().choices["parts"] == ["csv", "figures", "parquet"]


def test_an_unknown_part_is_refused_with_those_that_there_are(submit: Submit) -> None:
    with pytest.raises(SubmissionError, match=r"'logs' is no part .* csv, figures, parquet, vect"):
        submit(left_out=["logs"])
    assert not Simulation.objects.exists()


def test_the_api_takes_parts_and_says_them(as_alice: Client, storage: StorageBackend) -> None:
    answer = as_alice.post(SIMULATIONS, api_form(left_out=["vectors", "csv"]))

    assert answer.status_code == 201
    assert answer.json()["left_out"] == ["csv", "vectors"]


def test_the_api_warns_of_credentials_without_repeating_them(
    as_alice: Client, storage: StorageBackend
) -> None:
    answer = as_alice.post(SIMULATIONS, api_form())

    (warning,) = answer.json()["warnings"]
    assert "omnetpp.ini, line 9, looks like a value for 'wifiPassword'" in warning
    assert "hunter2" not in warning


def test_the_second_step_warns_of_credentials_and_takes_the_files_all_the_same(
    as_alice: Client, storage: StorageBackend
) -> None:
    address = draft(as_alice, INI + PASSWORD)
    assert "wifiPassword" in as_alice.get(address).content.decode()

    as_alice.post(address, CHOICES)
    assert Simulation.objects.exists()


def test_an_ini_without_credentials_warns_of_nothing(
    as_alice: Client, storage: StorageBackend
) -> None:
    assert "looks like" not in as_alice.get(draft(as_alice)).content.decode()


def test_the_size_is_not_known_before_there_was_any(
    as_alice: Client, storage: StorageBackend
) -> None:
    assert "Size of the crate: not known yet" in preview(as_alice)


def test_the_size_is_estimated_by_what_a_run_took_earlier(as_alice: Client, submit: Submit) -> None:
    pack(submit(), 4 * 2**20)
    pack(submit(run_filter="0"), 4 * 2**20)

    assert "about 10.0 MB, by 2 crates of this config that you had earlier." in preview(as_alice)
    assert "about 2.5 MB" in preview(as_alice, run_filter="0")


def test_crates_with_fewer_parts_or_of_others_say_nothing_of_the_size(
    as_alice: Client, as_charlie: Client, submit: Submit
) -> None:
    pack(submit(left_out=["vectors"]), 2**20)

    assert "not known yet" in preview(as_alice)
    assert "not known yet" in preview(as_charlie, parts=["csv", "parquet", "figures"])
    assert "about 1.0 MB" in preview(as_alice, parts=["csv", "parquet", "figures"])


def test_crates_with_more_parts_bound_the_size(as_alice: Client, submit: Submit) -> None:
    pack(submit(), 2**20)

    assert "less than 1.0 MB" in preview(as_alice, parts=["csv", "parquet", "figures"])


def test_the_licence_is_the_administrators_unless_one_is_chosen(
    submit: Submit, settings: Settings
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, licence="ODbL-1.0")

    assert submit().licence == "ODbL-1.0"
    assert submit(licence="CC0-1.0").licence == "CC0-1.0"


def test_the_form_offers_the_administrators_licence_first(
    as_alice: Client, storage: StorageBackend, settings: Settings
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, licence="ODbL-1.0")
    page = as_alice.get(draft(as_alice)).content.decode()

    assert page.index('value="ODbL-1.0" selected') < page.index('value="CC-BY-4.0"')
