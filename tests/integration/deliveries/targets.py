"""Storage backends to deliver to: the real local-cloud and the doubles of Dropbox and Seafile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcrate.storage import StorageDefinition
from tests.servers.dropbox import dropbox_server
from tests.servers.localcloud import local_cloud
from tests.servers.seafile import seafile_server

MIB = 1024 * 1024
ALICE = "alice@loop.test"


@dataclass
class Target:
    """A storage backend, and what it holds of a delivery."""

    definition: StorageDefinition
    contents: Callable[[str], list[bytes]]
    environment: dict[str, str]
    state: Any
    """Of the double; None for local-cloud."""


@contextmanager
def local(tmp_path: Path, *options: str) -> Iterator[Target]:
    with local_cloud(tmp_path / "cloud", *options) as server, server.client() as client:

        def contents(delivery_id: str) -> list[bytes]:
            listed = client.get("/objects").json()["objects"]
            ours = [each for each in listed if each["key"].startswith(delivery_id)]
            return [client.get(each["url"]).content for each in ours]

        config = {"secret": server.secret.reveal()}
        definition = StorageDefinition(
            name="Local", id="local", token=server.address, config=config
        )
        yield Target(definition, contents, {}, None)


@contextmanager
def dropbox(_: Path) -> Iterator[Target]:
    with dropbox_server() as server:
        state = server.state
        config = {"app_key": state.app_key, "refresh_token": state.add_refresh_token()}

        def contents(delivery_id: str) -> list[bytes]:
            return [file.content for file in state.files.values() if delivery_id in file.path]

        definition = StorageDefinition(name="Dropbox", id="dropbox", config=config)
        yield Target(definition, contents, server.environment, state)


@contextmanager
def seafile(_: Path) -> Iterator[Target]:
    with seafile_server() as server:
        account = server.state.add_account(ALICE, quota=10_000 * MIB)
        library = server.state.add_library("results", ALICE)
        config = {"token": account.token, "repoid": library.id, "server": server.url}

        def contents(delivery_id: str) -> list[bytes]:
            paths = [path for path in library.files if delivery_id in path]
            return [server.state.content(library, path) for path in paths]

        yield Target(
            StorageDefinition(name="Seafile", id="seafile", config=config),
            contents,
            {},
            server.state,
        )
