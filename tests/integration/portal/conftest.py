"""The cast: alice owns the simulation, charlie is a stranger, root administers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.services import submit_simulation
from simcrate.portal.start import prepare
from simcrate.portal.storages.models import StorageBackend

INI = b"""\
[General]
network = OppNet
sim-time-limit = 3600s

[Config Study]
description = "How density matters"
*.numHosts = ${N=10,20}
repeat = 2
"""

Submit = Callable[..., Simulation]


@pytest.fixture(scope="session", autouse=True)
def _secrets() -> None:
    prepare(Path(os.environ["SIMCRATE_VAR"]))


@pytest.fixture(autouse=True)
def _nobody_has_asked_yet() -> None:
    cache.clear()


def person(name: str, **rights: bool) -> User:
    user = User.objects.create(username=name, **rights)
    EmailAddress.objects.create(user=user, email=f"{name}@example.org", verified=True, primary=True)
    return user


@pytest.fixture
def alice(db: None) -> User:
    return person("alice")


@pytest.fixture
def charlie(db: None) -> User:
    return person("charlie")


@pytest.fixture
def root(db: None) -> User:
    return person("root", is_staff=True, is_superuser=True)


@pytest.fixture
def storage(db: None) -> StorageBackend:
    return StorageBackend.objects.create(
        name="Local storage", identifier="local", token="127.0.0.1:8976", keep_days=7
    )


@pytest.fixture
def submit(alice: User, storage: StorageBackend) -> Submit:
    def submit(**changes: object) -> Simulation:
        wish: dict[str, object] = {
            "owner": alice,
            "ini_name": "omnetpp.ini",
            "files": {"omnetpp.ini": INI},
            "config": "Study",
            "precision_s": 10,
            "storage_id": "local",
        }
        return submit_simulation(**{**wish, **changes})  # type: ignore[arg-type]

    return submit


@pytest.fixture
def simulation(submit: Submit) -> Simulation:
    return submit()


def browser_of(user: User, **defaults: object) -> Client:
    client = Client(**defaults)  # type: ignore[arg-type]
    client.force_login(user)
    return client


@pytest.fixture
def as_alice(alice: User) -> Client:
    return browser_of(alice)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return browser_of(charlie)


@pytest.fixture
def as_root(root: User) -> Client:
    return browser_of(root)
