"""What `simcrate up` finds missing in a new portal, and what it does about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from simcrate.cli.firststart import prepare_portal
from simcrate.portal.accounts.models import User
from simcrate.portal.start import prepare
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import get_definition

ADDRESS = "127.0.0.1:8976"


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    prepare(settings.VAR_DIR)


@pytest.fixture
def secret_path(tmp_path: Path) -> Path:
    path = tmp_path / "local-cloud"
    path.write_text("lcs_made-at-its-first-start\n")
    return path


@pytest.fixture
def _public(settings: Settings) -> None:
    public_url = "https://simcrate.example.org"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, public_url=public_url)


def start(secret_path: Path, cloud_url: str = "") -> list[str]:
    return prepare_portal(cloud_address=ADDRESS, cloud_url=cloud_url, secret_path=secret_path)


def test_a_new_portal_gets_the_local_cloud_beside_it_and_asks_for_an_administrator(
    secret_path: Path,
) -> None:
    told = start(secret_path)

    defined = get_definition("local")
    assert (defined.active, defined.token) == (True, ADDRESS)
    assert defined.config == {"secret": "lcs_made-at-its-first-start"}
    assert len(told) == 2
    assert "simcrate user add --admin" in told[-1]


def test_what_an_administrator_defined_is_left_alone_and_nothing_is_said(
    secret_path: Path,
) -> None:
    User.objects.create(username="root", is_superuser=True)
    StorageBackend.objects.create(name="Mine", identifier="seafile", active=False)

    assert start(secret_path) == []
    assert StorageBackend.objects.get().name == "Mine"


@pytest.mark.usefixtures("_public")
def test_links_that_lead_users_to_their_own_machine_are_not_offered(secret_path: Path) -> None:
    told = start(secret_path)

    assert not StorageBackend.objects.exists()
    assert "--cloud-url" in told[0]


@pytest.mark.usefixtures("_public")
def test_where_users_reach_local_cloud_it_is_defined_too(secret_path: Path) -> None:
    start(secret_path, cloud_url="https://crates.example.org")

    assert get_definition("local").active
