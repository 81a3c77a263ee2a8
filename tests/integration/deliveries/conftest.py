"""Deliveries on rows, with storage backends that are directories; time is moved in the rows."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from simcrate_directory import DirectoryBackend

from simcrate.delivery.jsonform import link_to_json, stored_to_json
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.start import prepare
from simcrate.portal.storages.models import StorageBackend
from simcrate.storage import LinkPolicy
from simcrate.storage.contract import make_source

CONTENT = b"a crate" * 1000


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    prepare(Path(os.environ["SIMCRATE_VAR"]))


@pytest.fixture
def alice() -> User:
    user = User.objects.create(username="alice")
    EmailAddress.objects.create(user=user, email="alice@example.org", verified=True, primary=True)
    return user


@pytest.fixture
def charlie() -> User:
    return User.objects.create(username="charlie")


@pytest.fixture
def as_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def storage() -> StorageBackend:
    return StorageBackend.objects.create(
        name="Local storage",
        identifier="local",
        token="127.0.0.1:1",
        keep_days=7,
        config={"secret": "a long secret"},  # type: ignore[misc]  # a field of our own
    )


@pytest.fixture
def other_storage() -> StorageBackend:
    return StorageBackend.objects.create(
        name="Attic", identifier="local:attic", token="127.0.0.1:1", keep_days=30
    )


@pytest.fixture
def simulation(alice: User, storage: StorageBackend) -> Simulation:
    return Simulation.objects.create(
        owner=alice, title="study", simulator="oppsim", ini_name="omnetpp.ini", config="Epidemic",
        precision_s=10, storage=storage, notify_email="alice@example.org", packed_at=Now(),
    )  # fmt: skip


class Cloud:
    """What the storage backends stand for: one directory for each identifier."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()

    def open(self, storage_id: str) -> DirectoryBackend:
        config = {"folder": str(self.folder_of(storage_id)), "base_url": "http://files.example"}
        return DirectoryBackend(token="", config=config)

    def folder_of(self, storage_id: str) -> Path:
        return self.folder / storage_id

    def crates(self) -> list[Path]:
        return list(self.folder.rglob("*.zip"))

    def store(self, storage_id: str, name: str) -> tuple[dict[str, object], dict[str, object]]:
        """Bring a crate there; what a ledger keeps of it."""
        self.folder_of(storage_id).mkdir(parents=True, exist_ok=True)
        source = make_source(self.folder / f"spool-{next(self._numbers)}", CONTENT)
        with closing(self.open(storage_id)) as backend:
            stored = backend.upload(
                source, name, save_resume=lambda _: None, progress=lambda _: None
            )
            link = backend.link(stored, LinkPolicy())
        return stored_to_json(stored), link_to_json(link)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "cloud")


Announce = Callable[..., Delivery]


@pytest.fixture
def announced(cloud: Cloud, simulation: Simulation) -> Announce:
    """A delivery that was announced just now, with its crate in the directory."""

    def announce(**changes: object) -> Delivery:
        key = uuid.uuid4()
        backend = changes.get("storage", simulation.storage)
        assert isinstance(backend, StorageBackend)
        stored, link = cloud.store(backend.identifier, f"{key}/study.zip")
        values: dict[str, object] = {
            "state": "announced",
            "machine": "here",
            "file_name": "study.zip",
            "size_bytes": len(CONTENT),
            "keep_days": 7,
            "stored": stored,
            "link": link,
            "link_url": link["url"],
            "announced_at": Now(),
            "spool_released_at": Now(),
            "expires_at": Now() + timedelta(days=7),
            "storage": simulation.storage,
            "simulation": simulation,
        }
        row = Delivery.objects.create(id=key, **{**values, **changes})
        row.refresh_from_db()
        return row

    return announce


def days_pass(days: float) -> None:
    """By the database's clock: all that is written in rows is so much longer ago."""
    ago = timedelta(days=days)
    Delivery.objects.update(
        **{
            name: F(name) - ago
            for name in (
                "created_at",
                "announced_at",
                "expires_at",
                "retry_at",
                "last_fetched_at",
                "reminded_for",
            )
        }
    )
