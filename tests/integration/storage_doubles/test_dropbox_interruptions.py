"""Uploads to Dropbox that break anywhere end with one whole file, whatever breaks."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from simcrate.errors import (
    StorageAuthError,
    StorageError,
    StorageFullError,
    StorageIntegrityError,
)
from simcrate.storage import JSON, Source, StorageDefinition, StoredCrate, open_backend
from simcrate.storage.contract import make_source, new_name
from tests.servers.dropbox import DropboxServer
from tests.servers.dropbox_replies import as_json, error_body, plain, rate_limited
from tests.servers.http_double import Fault

MIB = 1024 * 1024
APPEND = "upload_session/append_v2"
FINISH = "upload_session/finish"
FAULT_PAGE = plain(500, "<html>Internal error</html>", "text/html")
FAULTS = {
    "reset in the body": Fault("mid-body"),
    "reset after": Fault("after"),
    "500 before": Fault("before", FAULT_PAGE),
    "429": Fault("before", rate_limited(15)),
}


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make_source(tmp_path_factory.mktemp("spool") / "crate.zip", os.urandom(8 * MIB + 3))


class Worker:
    """Calls `upload` from its last resume value, each time as another process would."""

    def __init__(self, dropbox: DropboxServer, crate: Source) -> None:
        self.refresh_token = dropbox.state.add_refresh_token()
        config = {"app_key": dropbox.state.app_key, "refresh_token": self.refresh_token}
        self._definition = StorageDefinition(name="Dropbox", id="dropbox", config=config)
        self.crate = crate
        self.name = new_name()
        self.resume: JSON = None

    def attempt(self) -> StoredCrate:
        def save(value: JSON) -> None:
            self.resume = value

        with closing(open_backend(self._definition)) as backend:
            return backend.upload(
                self.crate, self.name, resume=self.resume, save_resume=save, progress=lambda _: None
            )

    def attempt_and_lose(self) -> None:
        """An attempt that may fail, but not for good."""
        try:
            self.attempt()
        except StorageError as error:
            if not error.retryable:
                raise


def delivered(dropbox: DropboxServer, worker: Worker) -> list[bytes]:
    """The contents of everything of that delivery."""
    folder = "/" + worker.name.partition("/")[0] + "/"
    return [file.content for file in dropbox.state.files.values() if file.path.startswith(folder)]


def appends(dropbox: DropboxServer) -> int:
    return sum(APPEND in line for line in dropbox.seen)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_upload_that_breaks_at_any_request_ends_with_one_whole_file(
    dropbox: DropboxServer, crate: Source, fault: Fault
) -> None:
    for index in range(100):
        worker = Worker(dropbox, crate)
        hits = dropbox.faults.hits
        dropbox.faults.at(index, fault)
        worker.attempt_and_lose()
        if dropbox.faults.hits == hits:
            break  # the upload has fewer requests
        worker.attempt()

        assert delivered(dropbox, worker) == [crate.path.read_bytes()]
        dropbox.state.files.clear()
    assert index > 6
    dropbox.faults.clear()


@pytest.mark.parametrize("size_bytes", [0, 1, 4 * MIB, 4 * MIB + 1, 8 * MIB, 12 * MIB])
def test_every_size_around_the_parts_is_committed_whole(
    dropbox: DropboxServer, tmp_path: Path, size_bytes: int
) -> None:
    worker = Worker(dropbox, make_source(tmp_path / "crate.zip", os.urandom(size_bytes)))
    worker.attempt()

    assert delivered(dropbox, worker) == [worker.crate.path.read_bytes()]


def test_a_resumed_upload_sends_only_what_is_missing(dropbox: DropboxServer, crate: Source) -> None:
    worker = Worker(dropbox, crate)
    dropbox.faults.on(FINISH, Fault("before"))
    worker.attempt_and_lose()
    before = appends(dropbox)
    worker.attempt()

    assert (before, appends(dropbox)) == (3, 3)


def test_a_session_that_is_older_than_a_week_is_begun_anew(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    dropbox.faults.on(FINISH, Fault("before"))
    worker.attempt_and_lose()
    dropbox.state.age_sessions()
    worker.attempt()

    assert delivered(dropbox, worker) == [crate.path.read_bytes()]


def test_a_commit_that_says_that_its_session_is_gone_is_looked_at_before_anything_is_sent_again(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    gone = {".tag": "lookup_failed", "lookup_failed": {".tag": "not_found"}}
    dropbox.faults.on(FINISH, Fault("after", as_json(error_body(gone), 409)))
    worker.attempt()

    assert delivered(dropbox, worker) == [crate.path.read_bytes()]
    assert appends(dropbox) == 3


def test_an_offset_beyond_the_part_says_that_it_was_there(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    there = as_json(error_body({".tag": "incorrect_offset", "correct_offset": 8 * MIB}), 409)
    dropbox.faults.on(APPEND, Fault("after", there))
    worker.attempt()

    assert delivered(dropbox, worker) == [crate.path.read_bytes()]
    assert appends(dropbox) == 3


def test_an_offset_before_the_part_begins_the_session_anew(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    lost = as_json(error_body({".tag": "incorrect_offset", "correct_offset": 0}), 409)
    dropbox.faults.on(APPEND, Fault("before", lost))
    worker.attempt_and_lose()
    worker.attempt()

    assert delivered(dropbox, worker) == [crate.path.read_bytes()]


@pytest.mark.parametrize("call", range(4))
def test_an_access_token_that_expires_under_way_is_renewed(
    dropbox: DropboxServer, crate: Source, call: int
) -> None:
    worker = Worker(dropbox, crate)
    expired = as_json(error_body({".tag": "expired_access_token"}), 401)
    dropbox.faults.on("/2/files/", Fault("before", expired), skip=call)
    worker.attempt()

    assert delivered(dropbox, worker) == [crate.path.read_bytes()]
    assert sum("oauth2/token" in line for line in dropbox.seen) == 2


def test_a_bare_access_token_that_expires_is_final(dropbox: DropboxServer, crate: Source) -> None:
    token = dropbox.state.add_access_token()
    dropbox.state.expire_access_tokens()
    backend = open_backend(StorageDefinition(name="Dropbox", id="dropbox", token=token))

    with closing(backend), pytest.raises(StorageAuthError, match="expired"):
        backend.upload(crate, new_name(), save_resume=lambda _: None, progress=lambda _: None)


def test_space_that_ran_out_at_the_finish_costs_no_second_transfer(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    full = {".tag": "path", "path": {".tag": "insufficient_space"}}
    dropbox.faults.on(FINISH, Fault("before", as_json(error_body(full), 409)))
    with pytest.raises(StorageFullError, match="free some"):
        worker.attempt()
    worker.attempt()

    assert appends(dropbox) == 3
    assert delivered(dropbox, worker) == [crate.path.read_bytes()]


def test_a_crate_that_does_not_fit_is_not_sent_at_all(
    dropbox: DropboxServer, crate: Source
) -> None:
    dropbox.state.allocated = MIB

    with pytest.raises(StorageFullError, match=r"8\.4 MB"):
        Worker(dropbox, crate).attempt()
    assert appends(dropbox) == 0


def test_what_arrives_damaged_is_taken_away_and_sent_again(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    dropbox.state.corrupt = lambda data: data[:-1] + b"\x00\x01"
    with pytest.raises(StorageIntegrityError):
        worker.attempt()
    assert delivered(dropbox, worker) == []
    dropbox.state.corrupt = lambda data: data
    worker.attempt()

    assert delivered(dropbox, worker) == [crate.path.read_bytes()]


def test_a_part_that_changes_on_the_way_is_refused_and_worth_another_try(
    dropbox: DropboxServer, crate: Source
) -> None:
    worker = Worker(dropbox, crate)
    mismatch = as_json(error_body({".tag": "content_hash_mismatch"}), 409)
    dropbox.faults.on(APPEND, Fault("before", mismatch))
    with pytest.raises(StorageIntegrityError) as caught:
        worker.attempt()
    worker.attempt()

    assert caught.value.retryable
    assert delivered(dropbox, worker) == [crate.path.read_bytes()]


@pytest.mark.parametrize("size_bytes", [MIB, 8 * MIB + 3])
def test_an_earlier_crate_of_the_same_delivery_is_replaced(
    dropbox: DropboxServer, tmp_path: Path, size_bytes: int
) -> None:
    worker = Worker(dropbox, make_source(tmp_path / "crate.zip", os.urandom(size_bytes)))
    dropbox.state.put(f"/{worker.name}", b"an earlier crate")
    worker.attempt()

    assert delivered(dropbox, worker) == [worker.crate.path.read_bytes()]
