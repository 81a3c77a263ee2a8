"""A marked secret goes into a definition and comes out nowhere: pages, API, logs, tables."""

from __future__ import annotations

import logging

import pytest
from django.db import connection
from django.test import Client

from simcrate.errors import DefinitionError
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import create_or_update, get_definition
from simcrate.storage import StorageDefinition

MARK = "canary-7Qf3-do-not-sing"
LIST = "/admin/storages/storagebackend/"


@pytest.fixture
def marked(db: None) -> list[StorageBackend]:
    """Each kind, with the mark wherever it keeps a secret."""
    seafile = {"token": MARK, "repoid": "f158d1dd-cc19-412c-b143-2ac83f352290"}
    definitions = [
        StorageDefinition(name="A", id="dropbox:token", token=MARK),
        StorageDefinition(
            name="B",
            id="dropbox",
            config={"app_key": "key", "app_secret": MARK, "refresh_token": MARK},
        ),
        StorageDefinition(
            name="C", id="seafile", config={**seafile, "server": "http://127.0.0.1:9"}
        ),
        StorageDefinition(name="D", id="local:d", token="127.0.0.1:9", config={"secret": MARK}),
    ]
    return [create_or_update(definition).backend for definition in definitions]


def test_no_page_of_the_admin_shows_it(as_root: Client, marked: list[StorageBackend]) -> None:
    pages = [LIST, "/admin/"]
    for backend in marked:
        pages += [
            f"{LIST}{backend.pk}/{page}/" for page in ("change", "history", "delete", "check")
        ]

    for page in pages:
        response = as_root.get(page)
        assert response.status_code == 200, page
        assert MARK not in response.content.decode(), page


def test_no_page_of_users_and_no_call_of_the_api_shows_it(
    as_alice: Client, alice: User, marked: list[StorageBackend], simulation: Simulation
) -> None:
    draft = as_alice.post(f"/simulations/{simulation.pk}/again/")["Location"]
    for page in (draft, f"/simulations/{simulation.pk}/", "/api/v1/storage-backends"):
        response = as_alice.get(page)
        assert response.status_code == 200, page
        assert MARK not in response.content.decode(), page


def test_a_failing_check_shows_and_logs_nothing_of_it(
    as_root: Client, marked: list[StorageBackend], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for backend in marked[2:]:  # those that nobody answers for
        page = as_root.post(f"{LIST}{backend.pk}/check/").content.decode()
        assert "failed" in page
        assert MARK not in page
    assert MARK not in caplog.text


def test_the_table_holds_it_only_encrypted(marked: list[StorageBackend]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM storages_storagebackend")
        assert MARK not in repr(cursor.fetchall())


def test_unmodified_keeps_a_secret_token(as_root: Client, marked: list[StorageBackend]) -> None:
    form = {
        "name": "Renamed", "identifier": "dropbox:token", "token": "__unmodified__", "config": "",
        "keep_days": "7", "desc": "", "active": "on",
    }  # fmt: skip

    as_root.post(f"{LIST}{marked[0].pk}/change/", form)

    definition = get_definition("dropbox:token")
    assert (definition.name, definition.token) == ("Renamed", MARK)


def test_an_error_text_of_a_wrong_definition_does_not_repeat_it(db: None) -> None:
    for config in ({"app_key": "k", "sekret": MARK}, {"app_key": 7, "app_secret": MARK}):
        with pytest.raises(DefinitionError) as refused:
            create_or_update(StorageDefinition(name="D", id="dropbox", config=config))
        assert MARK not in str(refused.value) + refused.value.detail
