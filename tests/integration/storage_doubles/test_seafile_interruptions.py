"""Uploads to Seafile that break anywhere end with one whole file, whatever breaks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simcrate.errors import StorageError
from simcrate.storage import JSON, Source, StorageDefinition, StoredCrate, open_backend
from simcrate.storage.contract import make_source, new_name
from simcrate.storage.seafileops import SeafileBackend
from tests.servers.http_double import Fault, Reply
from tests.servers.seafile import SeafileServer, seafile_server
from tests.servers.seafile_state import Library

ALICE = "alice@loop.test"
KIB = 1024
FAULT_PAGE = Reply(500, b"<html>Page unavailable</html>", (("Content-Type", "text/html"),))
FAULTS = {
    "reset before": Fault("before"),
    "reset in the body": Fault("mid-body"),
    "reset after": Fault("after"),
    "500 before": Fault("before", FAULT_PAGE),
    "500 after": Fault("after", FAULT_PAGE),
    "429": Fault("before", Reply(429, b'{"detail":"throttled"}', (("Retry-After", "17"),))),
}


@pytest.fixture(params=["c", "go"])
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SeafileServer]:
    monkeypatch.setattr(SeafileBackend, "chunk_bytes", 100 * KIB)
    with seafile_server(flavour=request.param) as running:
        running.state.add_account(ALICE)
        yield running


@pytest.fixture
def library(server: SeafileServer) -> Library:
    return server.state.add_library("results", ALICE)


@pytest.fixture
def crate(tmp_path: Path) -> Source:
    return make_source(tmp_path / "crate.zip", os.urandom(250 * KIB))


class Worker:
    """Calls `upload` from its last resume value, each time as another process would."""

    def __init__(self, server: SeafileServer, library: Library, crate: Source) -> None:
        account = server.state.accounts[ALICE]
        config = {"token": account.token, "repoid": library.id, "server": server.url}
        self._definition = StorageDefinition(name="Seafile", id="seafile", config=config)
        self._crate = crate
        self.name = new_name()
        self.resume: JSON = None

    def attempt(self) -> StoredCrate:
        def save(value: JSON) -> None:
            self.resume = value

        with closing(open_backend(self._definition)) as backend:
            return backend.upload(
                self._crate,
                self.name,
                resume=self.resume,
                save_resume=save,
                progress=lambda _: None,
            )

    def attempt_and_lose(self) -> None:
        """An attempt that may fail, but not for good."""
        try:
            self.attempt()
        except StorageError as error:
            if not error.retryable:
                raise


@pytest.mark.parametrize("server", ["c"], indirect=True)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_upload_that_breaks_at_any_request_ends_with_one_whole_file(
    server: SeafileServer, library: Library, crate: Source, fault: Fault
) -> None:
    for index in range(100):
        worker = Worker(server, library, crate)
        hits = server.faults.hits
        server.faults.at(index, fault)
        worker.attempt_and_lose()
        if server.faults.hits == hits:
            break  # the upload has fewer requests
        worker.attempt()

        delivered = [path for path in library.files if worker.name.partition("/")[0] in path]
        assert delivered == [f"/simcrate/{worker.name}"]
        assert server.state.content(library, delivered[0]) == crate.path.read_bytes()
    assert index > 6
    server.faults.clear()


def test_an_upload_goes_on_when_its_link_died_with_the_server(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    worker = Worker(server, library, crate)
    server.faults.on("POST /upload-api/", Fault("before"), skip=1)
    with pytest.raises(StorageError):
        worker.attempt()
    server.state.restart()
    worker.attempt()

    assert server.state.content(library, f"/simcrate/{worker.name}") == crate.path.read_bytes()


def test_a_link_that_dies_between_two_chunks_is_replaced_in_the_same_call(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    worker = Worker(server, library, crate)
    with closing(open_backend(worker._definition)) as backend:
        backend.upload(
            crate,
            worker.name,
            save_resume=lambda _: server.state.restart(),
            progress=lambda _: None,
        )

    assert server.state.content(library, f"/simcrate/{worker.name}") == crate.path.read_bytes()


def test_a_resumed_upload_sends_only_what_is_missing(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    worker = Worker(server, library, crate)
    server.faults.on("POST /upload-api/", Fault("before"), skip=2)
    with pytest.raises(StorageError):
        worker.attempt()
    sent_before = sum("POST /upload-api/" in line for line in server.seen)
    worker.attempt()

    assert sum("POST /upload-api/" in line for line in server.seen) - sent_before == 1


def test_a_resume_value_whose_temporary_file_is_gone_starts_anew(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    worker = Worker(server, library, crate)
    server.faults.on("POST /upload-api/", Fault("before"), skip=2)
    with pytest.raises(StorageError):
        worker.attempt()
    library.temporary.clear()
    worker.attempt()

    assert server.state.content(library, f"/simcrate/{worker.name}") == crate.path.read_bytes()


@pytest.mark.parametrize("left_over_bytes", [1, 100 * KIB, 250 * KIB, 2000 * KIB])
def test_a_left_over_temporary_file_never_gets_into_the_crate(
    server: SeafileServer, library: Library, crate: Source, left_over_bytes: int
) -> None:
    worker = Worker(server, library, crate)
    server.state.leave_temporary(library, f"/simcrate/{worker.name}", b"\xff" * left_over_bytes)
    stored = worker.attempt()

    assert stored.size_bytes == crate.size_bytes
    assert server.state.content(library, f"/simcrate/{worker.name}") == crate.path.read_bytes()
