"""*Connect* in the admin: consent at Dropbox, and the refresh token in the definition."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from django.test import Client

from simcrate.portal.accounts.models import User
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import create_or_update, get_definition
from simcrate.storage import StorageDefinition
from tests.servers.dropbox import DropboxServer, dropbox_server

LIST = "/admin/storages/storagebackend/"


@pytest.fixture(scope="module")
def dropbox() -> Iterator[DropboxServer]:
    with dropbox_server() as server:
        yield server


@pytest.fixture
def address(db: None, dropbox: DropboxServer) -> str:
    dropbox.reset()
    config = {"app_key": dropbox.state.app_key}
    create_or_update(StorageDefinition(name="Dropbox", id="dropbox", config=config))
    return f"{LIST}{StorageBackend.objects.get().pk}/connect/"


def consent_url(client: Client, address: str) -> str:
    page = html.unescape(client.get(address).content.decode())
    found = re.search(r'href="(\S+/oauth2/authorize\?[^"]+)"', page)
    assert found
    return found[1]


def test_a_code_becomes_a_refresh_token_that_nobody_sees(
    as_root: Client, address: str, dropbox: DropboxServer
) -> None:
    code = dropbox.routes.approve(consent_url(as_root, address))

    page = as_root.post(address, {"code": code}, follow=True).content.decode()

    token = str(get_definition("dropbox").config["refresh_token"])
    assert token
    assert token not in page
    assert "is connected to the account" in page
    assert "Make it active now." in page


def test_a_wrong_code_is_a_sentence_and_another_try(
    as_root: Client, address: str, dropbox: DropboxServer
) -> None:
    consent_url(as_root, address)

    page = as_root.post(address, {"code": "guess"}).content.decode()

    assert "does not accept the code" in page
    assert "/oauth2/authorize" in page
    assert "refresh_token" not in get_definition("dropbox").config


def test_a_code_of_somebody_elses_session_is_worth_nothing(
    as_root: Client, root: User, address: str, dropbox: DropboxServer
) -> None:
    code = dropbox.routes.approve(consent_url(as_root, address))
    other = Client()
    other.force_login(root)

    page = other.post(address, {"code": code}).content.decode()

    assert "too old; begin again" in page


def test_without_an_app_key_the_page_says_what_to_write(as_root: Client, db: None) -> None:
    pk = StorageBackend.objects.create(name="D", identifier="dropbox", active=False).pk

    page = html.unescape(as_root.get(f"{LIST}{pk}/connect/").content.decode())

    assert '{"app_key": "…"}' in page


def test_users_cannot_connect(as_charlie: Client, address: str) -> None:
    assert as_charlie.get(address).status_code in {302, 403}
