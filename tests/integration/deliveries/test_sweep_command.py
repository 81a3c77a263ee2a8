"""`simcrate storage sweep` against a real local-cloud."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simcrate.cli.storage import storage as storage_group
from simcrate.delivery.jsonform import stored_to_json
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.services import create_or_update
from simcrate.storage import RetryPolicy, StorageDefinition, StoredCrate, open_backend, patient
from simcrate.storage.contract import make_source
from tests.integration.deliveries.conftest import CONTENT, days_pass
from tests.servers.localcloud import LocalCloud, local_cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path / "cloud") as server:
        yield server


@pytest.fixture
def definition(cloud: LocalCloud, simulation: Simulation) -> StorageDefinition:
    """The simulation's storage backend is that server."""
    config = {"secret": cloud.secret.reveal()}
    definition = StorageDefinition(
        name="Local storage", id="local", token=cloud.address, config=config, keep_days=7
    )
    create_or_update(definition)
    return definition


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is down is given up at once."""
    defaults = {"policy": RetryPolicy(deadline_s=0)}
    monkeypatch.setattr(patient.PatientBackends.__init__, "__kwdefaults__", defaults)


def store(definition: StorageDefinition, tmp_path: Path, name: str) -> StoredCrate:
    source = make_source(tmp_path / "study.zip", CONTENT)
    with closing(open_backend(definition)) as backend:
        return backend.upload(source, name, save_resume=lambda _: None, progress=lambda _: None)


@pytest.fixture
def expired(definition: StorageDefinition, simulation: Simulation, tmp_path: Path) -> Delivery:
    key = uuid.uuid4()
    stored = store(definition, tmp_path, f"{key}/study.zip")
    row = Delivery.objects.create(
        id=key, simulation=simulation, storage=simulation.storage, state="announced",
        machine="here", file_name="study.zip", keep_days=7, stored=stored_to_json(stored),
        announced_at=simulation.packed_at, expires_at=simulation.packed_at,
    )  # fmt: skip
    days_pass(1)
    return row


def sweep(*options: str) -> Result:
    return CliRunner().invoke(storage_group, ["sweep", *options])


def objects(cloud: LocalCloud) -> list[str]:
    with cloud.client() as client:
        return [each["key"] for each in client.get("/objects").json()["objects"]]


def test_a_dry_run_reports_and_a_sweep_removes(cloud: LocalCloud, expired: Delivery) -> None:
    report = sweep("--dry-run")
    assert report.exit_code == 0
    assert f"{expired.pk}/study.zip" in report.output
    assert "would be removed" in report.output
    assert len(objects(cloud)) == 1

    done = sweep()
    assert done.exit_code == 0
    assert "removed" in done.output
    assert objects(cloud) == []
    assert sweep().output == "nothing has expired\n"
    assert all(each.who.startswith("simcrate storage sweep (") for each in expired.events.all())


def test_orphans_are_listed_and_left_alone(
    cloud: LocalCloud, definition: StorageDefinition, tmp_path: Path
) -> None:
    name = f"{uuid.uuid4()}/study.zip"
    store(definition, tmp_path, name)
    done = sweep()

    assert f"local: in no ledger, left alone: {name}" in done.output
    assert objects(cloud) == [name]


def test_a_server_that_is_down_ends_with_1_and_the_reason(
    cloud: LocalCloud, expired: Delivery
) -> None:
    cloud.kill()
    done = sweep()

    assert done.exit_code == 1
    assert "nobody answers" in done.output
    expired.refresh_from_db()
    assert expired.state == "expiring"
