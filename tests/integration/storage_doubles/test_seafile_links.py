"""Links of Seafile through their life: made, found, expired, changed, replaced, deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simcrate.errors import (
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import Secret
from simcrate.storage import (
    LinkPolicy,
    StorageBackend,
    StorageDefinition,
    StoredCrate,
    open_backend,
    seafile_api,
)
from simcrate.storage.contract import make_source, new_name
from simcrate.storage.seafile_links import open_link
from tests.servers.http_double import Fault, Reply
from tests.servers.seafile import SeafileServer, seafile_server
from tests.servers.seafile_state import Library, ShareLink

ALICE = "alice@loop.test"
CONTENT = os.urandom(3000)
PASSWORD = Secret("Correct-horse-7-battery")
DAYS_3 = timedelta(days=3)


@pytest.fixture(params=["11.0.3", "12.0.4"])
def server(request: pytest.FixtureRequest) -> Iterator[SeafileServer]:
    with seafile_server(version=request.param) as running:
        running.state.add_account(ALICE)
        yield running


@pytest.fixture
def library(server: SeafileServer) -> Library:
    return server.state.add_library("results", ALICE)


@pytest.fixture
def backend(server: SeafileServer, library: Library) -> Iterator[StorageBackend]:
    token = server.state.accounts[ALICE].token
    config = {"token": token, "repoid": library.id, "server": server.url}
    with closing(open_backend(StorageDefinition(name="S", id="seafile", config=config))) as opened:
        yield opened


@pytest.fixture
def stored(backend: StorageBackend, tmp_path: Path) -> StoredCrate:
    source = make_source(tmp_path / "crate.zip", CONTENT)
    return backend.upload(source, new_name(), save_resume=lambda _: None, progress=lambda _: None)


def only_link(server: SeafileServer) -> ShareLink:
    (link,) = server.state.links.values()
    return link


def fetched(url: str, password: Secret | None = None) -> bytes:
    with open_link(url, password) as response:
        return response.read()


def test_a_link_is_found_again_and_stays_the_same(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    first = backend.link(stored, LinkPolicy())
    second = backend.link(stored, LinkPolicy())

    assert first == second
    assert len(server.state.links) == 1


def test_a_link_whose_answer_was_lost_is_found(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    server.faults.on("POST /api/v2.1/share-links/", Fault("after"))
    with pytest.raises(StorageUnreachableError):
        backend.link(stored, LinkPolicy())
    link = backend.link(stored, LinkPolicy())

    assert only_link(server).token in link.url
    assert fetched(link.url) == CONTENT


def test_an_expired_link_is_revived(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    url = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + DAYS_3)).url
    only_link(server).expires_at = datetime.now(UTC) - timedelta(minutes=1)
    with pytest.raises(StorageRefusedError, match="expired"):
        fetched(url)
    link = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + DAYS_3))

    assert link.url == url
    assert fetched(url) == CONTENT


def test_a_link_that_ended_once_and_shall_not_any_more_keeps_its_address(
    backend: StorageBackend, stored: StoredCrate
) -> None:
    first = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + DAYS_3))
    second = backend.link(stored, LinkPolicy())
    third = backend.link(stored, LinkPolicy())

    assert first.url == second.url == third.url
    assert second.expires_at is not None
    assert second.expires_at > datetime.now(UTC) + timedelta(days=30_000)
    assert "asked was never" in second.remarks[0]


def test_a_servers_limit_of_days_is_the_effective_policy(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    server.state.max_expire_days = 30
    for _ in range(2):
        link = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + timedelta(days=90)))

        assert link.expires_at is not None
        assert abs(link.expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
        assert link.remarks


def test_a_servers_own_end_of_links_is_told(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    server.state.default_expire_days = 7
    link = backend.link(stored, LinkPolicy())

    assert link.expires_at is not None
    assert "asked was never" in link.remarks[0]


def test_a_link_with_a_password_opens_by_its_form_only(
    backend: StorageBackend, stored: StoredCrate
) -> None:
    link = backend.link(stored, LinkPolicy(password=PASSWORD))

    assert fetched(link.url, PASSWORD) == CONTENT
    with pytest.raises(StorageRefusedError, match="password"):
        fetched(link.url)
    with pytest.raises(StorageRefusedError, match="password"):
        fetched(link.url, Secret("another-password"))


def test_a_link_with_another_password_is_replaced(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    old = backend.link(stored, LinkPolicy(password=PASSWORD))
    new = backend.link(stored, LinkPolicy())

    assert fetched(new.url) == CONTENT
    assert len(server.state.links) == 1
    with pytest.raises(StorageNotFoundError, match="no such link"):
        fetched(old.url, PASSWORD)


def test_a_password_that_the_server_finds_too_short_is_refused_with_its_words(
    backend: StorageBackend, stored: StoredCrate
) -> None:
    with pytest.raises(StorageRefusedError, match="Password is too short") as caught:
        backend.link(stored, LinkPolicy(password=Secret("short")))

    assert "'short'" not in str(caught.value)


def test_a_link_that_only_shows_is_replaced_by_one_that_downloads(
    server: SeafileServer, library: Library, backend: StorageBackend, stored: StoredCrate
) -> None:
    shown = ShareLink(library, stored.remote_id, ALICE, can_download=False)
    server.state.links[shown.token] = shown
    link = backend.link(stored, LinkPolicy())

    assert fetched(link.url) == CONTENT


def test_a_link_beyond_the_first_page_is_found_and_deleted(
    server: SeafileServer,
    library: Library,
    backend: StorageBackend,
    stored: StoredCrate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seafile_api, "LINKS_PER_PAGE", 5)
    for number in range(12):
        other = ShareLink(library, f"/other-{number}.txt", ALICE)
        server.state.links[other.token] = other
    backend.link(stored, LinkPolicy())
    del library.files[stored.remote_id]
    backend.delete(stored)

    assert len(server.state.links) == 12


def test_a_link_that_leads_to_a_login_does_not_count(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    login = Reply(302, b"", (("Location", "/accounts/login/?next=/f/x/"),))
    server.faults.on("GET /f/", Fault("before", login))

    with pytest.raises(StorageRefusedError, match="need a login"):
        backend.link(stored, LinkPolicy())


def test_a_crate_whose_library_was_deleted_is_gone(
    server: SeafileServer, library: Library, backend: StorageBackend, stored: StoredCrate
) -> None:
    del server.state.libraries[library.id]
    backend.delete(stored)

    with pytest.raises(StorageNotFoundError):
        backend.stat(stored)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])]
)
def test_a_link_that_serves_other_bytes_does_not_count(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate, damage: object
) -> None:
    server.state.serve = damage  # type: ignore[assignment]

    with pytest.raises(StorageIntegrityError, match="something else than the crate"):
        backend.link(stored, LinkPolicy())


def test_a_link_does_not_count_when_its_page_is_somebody_elses(
    server: SeafileServer, backend: StorageBackend, stored: StoredCrate
) -> None:
    server.state.hub_url = f"{server.hub.url}/not-seahub"  # a wrong SERVICE_URL

    with pytest.raises(StorageUnreachableError, match="not Seafile"):
        backend.link(stored, LinkPolicy())


def test_no_link_is_made_for_a_file_that_somebody_replaced(
    server: SeafileServer, library: Library, backend: StorageBackend, stored: StoredCrate
) -> None:
    server.state.put(library, stored.remote_id, b"something else")

    with pytest.raises(StorageRefusedError, match="another file"):
        backend.link(stored, LinkPolicy())


def test_deleting_takes_link_file_and_folder_and_nothing_else(
    server: SeafileServer, library: Library, backend: StorageBackend, stored: StoredCrate
) -> None:
    server.state.put(library, "/simcrate/kept.txt", b"somebody's")
    backend.link(stored, LinkPolicy())
    backend.delete(stored)

    assert list(library.files) == ["/simcrate/kept.txt"]
    assert library.folders == {"/", "/simcrate"}
    assert server.state.links == {}


def test_a_link_of_a_file_that_was_deleted_by_hand_is_deleted_too(
    server: SeafileServer, library: Library, backend: StorageBackend, stored: StoredCrate
) -> None:
    backend.link(stored, LinkPolicy())
    del library.files[stored.remote_id]
    backend.delete(stored)

    assert server.state.links == {}


def test_a_folder_in_which_somebody_put_something_is_kept(
    server: SeafileServer, library: Library, backend: StorageBackend, stored: StoredCrate
) -> None:
    note = stored.remote_id.rpartition("/")[0] + "/note.txt"
    server.state.put(library, note, b"somebody's")
    backend.delete(stored)

    assert list(library.files) == [note]


def test_the_doctor_opens_links_with_the_password_of_the_definition(
    server: SeafileServer, library: Library
) -> None:
    config = {
        "token": server.state.accounts[ALICE].token,
        "repoid": library.id,
        "server": server.url,
        "password": PASSWORD.reveal(),
        "directory": "/",
    }
    with closing(open_backend(StorageDefinition(name="S", id="seafile", config=config))) as backend:
        findings = list(backend.check())

    assert [finding for finding in findings if not finding.ok] == []
    assert library.files == {}
    assert library.folders == {"/"}
