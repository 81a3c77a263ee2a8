"""The Seafile backend against a double of Seafile, on both file servers and both versions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simcrate.storage import StorageBackend, StorageDefinition, open_backend
from simcrate.storage.contract import Opener, StorageContract
from simcrate.storage.seafileops import SeafileBackend
from tests.servers.seafile import SeafileServer, seafile_server

ALICE = "alice@loop.test"


def backend_for(server_url: str, token: str, repo_id: str, **config: str) -> SeafileBackend:
    """A backend from a definition in the words of the seven tags."""
    definition = StorageDefinition(
        name="Seafile",
        id="seafile",
        config={"token": token, "repoid": repo_id, "server": server_url, **config},
    )
    opened = open_backend(definition)
    assert isinstance(opened, SeafileBackend)
    return opened


@pytest.fixture(params=[("c", "11.0.3"), ("go", "12.0.4")], ids=["c-11", "go-12"])
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SeafileServer]:
    flavour, version = request.param
    monkeypatch.setattr(SeafileBackend, "chunk_bytes", 128 * 1024)
    with seafile_server(flavour=flavour, version=version) as running:
        running.state.add_account(ALICE, quota=100_000_000)
        yield running


class TestSeafileBackend(StorageContract):
    @pytest.fixture
    def opener(self, server: SeafileServer) -> Opener:
        account = server.state.accounts[ALICE]
        library = server.state.add_library("results", ALICE)
        return lambda: backend_for(server.url, account.token, library.id)

    @pytest.fixture
    def unreachable(self) -> StorageBackend:
        return backend_for("http://127.0.0.1:1", "0" * 40, "33d6ae48-c3a5-4b52-9778-139771dd9575")

    @pytest.fixture
    def unauthorised(self, server: SeafileServer) -> StorageBackend:
        library = server.state.add_library("other", ALICE)
        return backend_for(server.url, "0" * 40, library.id)
