"""The Dropbox backend, with the real SDK, against a double of Dropbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simcrate.storage import Link, StorageBackend, StorageDefinition, open_backend
from simcrate.storage.contract import Opener, StorageContract
from simcrate.storage.dropbox_api import DropboxApi
from simcrate.storage.dropbox_links import open_link
from simcrate.storage.dropboxops import DropboxBackend, load_sdk
from tests.servers.dropbox import DropboxServer, dropbox_server

MIB = 1024 * 1024


def backend_for(*, token: str = "", **config: str | bool) -> DropboxBackend:
    """A backend from a definition in the words of the seven tags."""
    opened = open_backend(
        StorageDefinition(name="Dropbox OAuth2", id="dropbox", token=token, config=config)
    )
    assert isinstance(opened, DropboxBackend)
    return opened


@pytest.fixture(scope="module")
def running() -> Iterator[DropboxServer]:
    with dropbox_server() as server:
        yield server


@pytest.fixture
def server(running: DropboxServer) -> DropboxServer:
    running.reset()
    return running


class TestDropboxBackend(StorageContract):
    large_bytes = 17 * MIB

    @pytest.fixture
    def opener(self, server: DropboxServer) -> Opener:
        state = server.state
        refresh_token = state.add_refresh_token()
        return lambda: backend_for(
            app_key=state.app_key, app_secret=state.app_secret, refresh_token=refresh_token
        )

    @pytest.fixture
    def unreachable(self, server: DropboxServer) -> StorageBackend:
        backend = backend_for(token=server.state.add_access_token())
        hosts = backend._api._client._host_map
        hosts.update(dict.fromkeys(hosts, "127.0.0.1:1"))
        return backend

    @pytest.fixture
    def unauthorised(self, server: DropboxServer) -> StorageBackend:
        return backend_for(token="sl.unknown")

    def fetch(self, link: Link) -> bytes:
        sdk = load_sdk()
        with open_link(DropboxApi(sdk, None), link.url) as response:
            return bytes(response.content)
