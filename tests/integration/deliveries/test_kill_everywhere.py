"""`kill -9` before every request and every write, and after the last: one file, one announcement.

For each kind of storage backend, against the real local-cloud and the doubles.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from simcrate.delivery import DeliveryState
from simcrate.storage import StorageDefinition
from tests.integration.deliveries.dying import Errand, die_at
from tests.servers.dropbox import dropbox_server
from tests.servers.localcloud import local_cloud
from tests.servers.seafile import seafile_server

MIB = 1024 * 1024
CONTENT = os.urandom(5 * MIB + 3)
MOST_STEPS = 100


@dataclass
class Target:
    """A storage backend, and what it holds of a delivery."""

    definition: StorageDefinition
    contents: Callable[[str], list[bytes]]
    environment: dict[str, str]


@contextmanager
def _local(tmp_path: Path) -> Iterator[Target]:
    with local_cloud(tmp_path / "cloud") as server, server.client() as client:

        def contents(delivery_id: str) -> list[bytes]:
            listed = client.get("/objects").json()["objects"]
            ours = [each for each in listed if each["key"].startswith(delivery_id)]
            return [client.get(each["url"]).content for each in ours]

        config = {"secret": server.secret.reveal()}
        definition = StorageDefinition(
            name="Local", id="local", token=server.address, config=config
        )
        yield Target(definition, contents, {})


@contextmanager
def _dropbox(_: Path) -> Iterator[Target]:
    with dropbox_server() as server:
        state = server.state
        config = {"app_key": state.app_key, "refresh_token": state.add_refresh_token()}

        def contents(delivery_id: str) -> list[bytes]:
            return [file.content for file in state.files.values() if delivery_id in file.path]

        definition = StorageDefinition(name="Dropbox", id="dropbox", config=config)
        yield Target(definition, contents, server.environment)


@contextmanager
def _seafile(_: Path) -> Iterator[Target]:
    with seafile_server() as server:
        account = server.state.add_account("alice@loop.test", quota=10_000 * MIB)
        library = server.state.add_library("results", "alice@loop.test")
        config = {"token": account.token, "repoid": library.id, "server": server.url}

        def contents(delivery_id: str) -> list[bytes]:
            paths = [path for path in library.files if delivery_id in path]
            return [server.state.content(library, path) for path in paths]

        yield Target(StorageDefinition(name="Seafile", id="seafile", config=config), contents, {})


def _errand(target: Target, folder: Path) -> Errand:
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    errand = Errand(
        folder=folder,
        delivery_id=uuid.uuid4(),
        definition=target.definition,
        environment={**target.environment, "TMPDIR": str(temporary)},
    )
    errand.put(CONTENT)
    return errand


@pytest.mark.parametrize("serve", [_local, _dropbox, _seafile], ids=["local", "dropbox", "seafile"])
def test_killed_at_any_step_and_called_again_it_ends_with_one_file_and_one_message(
    tmp_path: Path, serve: Callable[[Path], AbstractContextManager[Target]]
) -> None:
    with serve(tmp_path) as target:
        for step in range(MOST_STEPS):
            errand = _errand(target, tmp_path / str(step))
            if not die_at(errand, step, after=False):
                break
            _assert_ends_well(errand, target)
        assert (
            12 < step < MOST_STEPS - 1
        )  # upload, resume, stored, stat, linked, announced at least
        errand = _errand(target, tmp_path / "last")
        assert die_at(errand, step - 1, after=True)
        _assert_ends_well(errand, target)


def _assert_ends_well(errand: Errand, target: Target) -> None:
    """What another worker makes of it."""
    assert errand.run().state is DeliveryState.ANNOUNCED
    assert target.contents(str(errand.delivery_id)) == [CONTENT]
    announced = errand.announced_path.read_text().split()
    assert len(set(announced)) == 1
    assert len(announced) <= 2
    assert not errand.crate_path.exists()


@pytest.mark.parametrize("serve", [_local, _dropbox, _seafile], ids=["local", "dropbox", "seafile"])
def test_an_upload_that_is_killed_on_its_way_leaves_no_copy(
    tmp_path: Path, serve: Callable[[Path], AbstractContextManager[Target]]
) -> None:
    with serve(tmp_path) as target:
        errand = _errand(target, tmp_path / "errand")

        assert die_at(errand, 6, after=False)
        large = [path for path in errand.folder.rglob("*") if path.stat().st_size > MIB]
        assert large == [errand.crate_path]
