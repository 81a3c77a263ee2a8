"""What can be wrong with a Seafile server or definition, each with a name and what to do."""

from __future__ import annotations

import io
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from simcrate.errors import (
    DefinitionError,
    StorageAuthError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageIntegrityError,
    StorageNotFoundError,
    StorageRefusedError,
    StorageUnreachableError,
)
from simcrate.secret import ScrubbingFormatter
from simcrate.storage import (
    LinkPolicy,
    Source,
    StorageBackend,
    StorageDefinition,
    StoredCrate,
    open_backend,
    seafile_api,
)
from simcrate.storage.contract import make_source, new_name
from simcrate.storage.seafileops import SeafileBackend
from tests.servers.http_double import Fault, Reply, Request, Throttle
from tests.servers.seafile import SeafileServer, seafile_server
from tests.servers.seafile_http import FAULT_PAGE, HTML, as_json, refusal
from tests.servers.seafile_state import Library

ALICE = "alice@loop.test"
BOB = "bob@loop.test"
KIB = 1024
MARKED = "marked0secret0token0of0alice0marked"
LINK_PASSWORD = "Marked-link-Pa55word"


@pytest.fixture(params=["c", "go"])
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SeafileServer]:
    monkeypatch.setattr(SeafileBackend, "chunk_bytes", 100 * KIB)
    with seafile_server(flavour=request.param) as running:
        running.state.add_account(ALICE, token=MARKED)
        yield running


@pytest.fixture
def library(server: SeafileServer) -> Library:
    return server.state.add_library("results", ALICE)


@pytest.fixture
def crate(tmp_path: Path) -> Source:
    return make_source(tmp_path / "crate.zip", os.urandom(250 * KIB))


def open_seafile(server: SeafileServer, library: Library, /, **config: str) -> StorageBackend:
    given = {"token": MARKED, "repoid": library.id, "server": server.url, **config}
    return open_backend(StorageDefinition(name="Seafile", id="seafile", config=given))


def upload(backend: StorageBackend, crate: Source, name: str = "") -> StoredCrate:
    with closing(backend):
        return backend.upload(
            crate, name or new_name(), save_resume=lambda _: None, progress=lambda _: None
        )


def upload_lines(server: SeafileServer) -> int:
    return sum("/upload-api/" in line for line in server.seen)


# Credentials and target


def test_a_token_of_one_library_is_refused_with_the_reason(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    token = server.state.add_repo_token(library)

    with pytest.raises(StorageAuthError, match=r"one library only .* seafile-get-token"):
        upload(open_seafile(server, library, token=token), crate)


def test_the_doctor_names_a_token_of_one_library_at_its_first_step(
    server: SeafileServer, library: Library
) -> None:
    token = server.state.add_repo_token(library)
    with closing(open_seafile(server, library, token=token)) as backend:
        (finding,) = backend.check()

    assert (finding.step, finding.ok) == ("authenticate", False)
    assert "one library only" in finding.seen


def test_a_token_that_was_revoked_is_refused(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.state.accounts[ALICE].active = False

    with pytest.raises(StorageAuthError, match="seafile-get-token"):
        upload(open_seafile(server, library), crate)


def test_an_unknown_library_is_named(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    with pytest.raises(StorageNotFoundError, match="repoid"):
        upload(open_seafile(server, library, repoid="60v4389103438eda4d789f543ou17899z1"), crate)


def test_a_library_of_somebody_else_is_refused(server: SeafileServer, crate: Source) -> None:
    server.state.add_account(BOB)

    with pytest.raises(StorageRefusedError, match="share it with write permission"):
        upload(open_seafile(server, server.state.add_library("private", BOB)), crate)


def test_a_library_that_is_shared_for_reading_is_refused_before_anything_is_sent(
    server: SeafileServer, crate: Source
) -> None:
    server.state.add_account(BOB)
    shared = server.state.add_library("shared", BOB, shares={ALICE: "r"})

    with pytest.raises(StorageRefusedError, match="read-only"):
        upload(open_seafile(server, shared), crate)
    assert upload_lines(server) == 0


def test_a_library_that_becomes_read_only_under_way_is_refused(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    def freeze(_: int) -> None:
        library.status = "read-only"

    with closing(open_seafile(server, library)) as backend, pytest.raises(StorageRefusedError):
        backend.upload(crate, new_name(), save_resume=lambda _: None, progress=freeze)


def test_a_server_that_is_something_else_is_said_so(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    elsewhere = open_seafile(server, library, server=f"{server.url}/blog")

    with pytest.raises(StorageUnreachableError, match="not Seafile; check 'server'"):
        upload(elsewhere, crate)


def test_a_page_where_json_should_be_is_somebody_else(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    page = Reply(200, b"<html>Sign in to the hotel's network</html>", (("Content-Type", HTML),))
    server.faults.on("GET /api/v2.1/repos/", Fault("before", page))

    with pytest.raises(StorageUnreachableError, match="not Seafile"):
        upload(open_seafile(server, library), crate)


def test_json_that_lacks_what_seafile_says_is_somebody_else(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.faults.on("GET /api2/account/info/", Fault("before", as_json({"hello": "world"})))

    with pytest.raises(StorageUnreachableError, match="not Seafile"):
        upload(open_seafile(server, library), crate)


def test_a_file_server_that_forgets_its_links_at_once_is_worth_another_try(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    forgotten = Reply(403, b"Access token not found")
    server.faults.on("/upload-api/", Fault("before", forgotten), times=2)

    with pytest.raises(StorageUnreachableError, match="forgot"):
        upload(open_seafile(server, library), crate)


def test_a_redirect_to_https_is_not_followed_with_the_token(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    moved = Reply(301, b"", (("Location", "https://seafile.example.org/"),))
    server.faults.on("GET /api/v2.1/repos/", Fault("before", moved))

    with pytest.raises(StorageRefusedError, match="redirects"):
        upload(open_seafile(server, library), crate)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("server", "seafile.example.org", "https://"),
        ("server", "https://[::1", "https://"),
        ("server", "https://alice:secret@seafile.example.org", "https://"),
        ("repoid", "../../etc", "seafile-list-repo-ids"),
        ("directory", "a/../b", "without '..'"),
        ("token", "two words", "without blanks"),
    ],
)
def test_an_option_that_cannot_be_one_is_refused_when_it_is_saved(
    option: str, value: str, message: str
) -> None:
    config = {"token": MARKED, "repoid": "33d6ae48", "server": "https://seafile.example.org"}

    with pytest.raises(DefinitionError, match=message):
        open_backend(StorageDefinition(name="S", id="seafile", config={**config, option: value}))


def test_the_file_server_gets_no_token(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    answer, headers = server.files.handle, list[str]()

    def remembered(request: Request) -> Reply:
        headers.extend(request.headers)
        return answer(request)

    server.files.handle = remembered
    upload(open_seafile(server, library), crate)

    assert "content-range" in headers
    assert "authorization" not in headers
    assert "cookie" not in headers


# Space and limits


def test_a_crate_that_does_not_fit_is_not_sent_at_all(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.state.accounts[ALICE].quota = 200 * KIB

    with pytest.raises(StorageFullError, match=r"0\.3 MB .* 0\.2 MB"):
        upload(open_seafile(server, library), crate)
    assert upload_lines(server) == 0


def test_space_that_ran_out_at_the_last_chunk_is_named_and_worth_waiting_for(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    name = new_name()

    def fill(_: int) -> None:
        server.state.accounts[ALICE].quota = 200 * KIB

    with (
        closing(open_seafile(server, library)) as backend,
        pytest.raises(StorageFullError, match="quota") as caught,
    ):
        backend.upload(crate, name, save_resume=lambda _: None, progress=fill)
    server.state.accounts[ALICE].quota = -2
    upload(open_seafile(server, library), crate, name)

    assert caught.value.retryable
    assert server.state.content(library, f"/simcrate/{name}") == crate.path.read_bytes()


def test_the_quota_of_an_owner_who_is_somebody_else_is_not_ours_to_know(
    server: SeafileServer,
) -> None:
    server.state.add_account(BOB, quota=100)
    shared = server.state.add_library("shared", BOB, shares={ALICE: "rw"})
    with closing(open_seafile(server, shared)) as backend:
        assert backend.space().free_bytes is None


def test_an_upload_link_that_is_refused_for_the_quota_means_full(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    full = refusal("Out of quota.", 443, "Unknown Status Code")
    server.faults.on("/upload-link/", Fault("before", full))

    with pytest.raises(StorageFullError):
        upload(open_seafile(server, library), crate)


def test_a_crate_above_the_servers_limit_is_final(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.state.max_upload_bytes = 200 * KIB

    with pytest.raises(StorageRefusedError, match="max_upload_size"):
        upload(open_seafile(server, library), crate)


def test_a_proxy_that_refuses_the_size_of_a_request_is_named(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    too_large = Reply(413, b"<html>Request Entity Too Large</html>", (("Content-Type", HTML),))
    server.faults.on("/upload-api/", Fault("before", too_large))

    with pytest.raises(StorageRefusedError, match="client_max_body_size"):
        upload(open_seafile(server, library), crate)


def test_a_proxy_that_takes_the_range_away_is_named_and_leaves_nothing_under_the_name(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    answer = server.files.handle

    def without_range(request: Request) -> Reply:
        headers = {name: text for name, text in request.headers.items() if name != "content-range"}
        return answer(replace(request, headers=headers))

    server.files.handle = without_range

    with pytest.raises(StorageRefusedError, match="Content-Range"):
        upload(open_seafile(server, library), crate)
    assert library.files == {}


@pytest.mark.parametrize("slug", ["x" * 252 + ".zip", "..", "a\nb.zip", "a\\b.zip", ""])
def test_a_name_that_seafile_cannot_store_is_refused_before_anything_is_sent(
    server: SeafileServer, library: Library, crate: Source, slug: str
) -> None:
    with pytest.raises(StorageRefusedError, match="another title"):
        upload(open_seafile(server, library), crate, new_name(slug))
    assert server.seen == []


def test_a_throttled_call_says_when_to_come_back(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    throttled = as_json({"detail": "Request was throttled."}, 429, (("Retry-After", "17"),))
    server.faults.on("/file/detail/", Fault("before", throttled))

    with pytest.raises(StorageBusyError) as caught:
        upload(open_seafile(server, library), crate)
    assert caught.value.retry_after_s == 17


def test_a_collision_with_garbage_collection_is_worth_another_try(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.faults.on("/upload-api/", Fault("before", Reply(409, b"GC Conflict.")))

    with pytest.raises(StorageBusyError):
        upload(open_seafile(server, library), crate)


def test_a_server_without_its_daemon_is_worth_another_try(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.state.down = True

    with pytest.raises(StorageUnreachableError, match="HTTP 500"):
        upload(open_seafile(server, library), crate)


def test_a_server_that_never_answers_is_given_up_and_worth_another_try(
    server: SeafileServer, library: Library, crate: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seafile_api, "TIMEOUT", httpx.Timeout(0.2))
    server.faults.on("/upload-api/", Fault("never"))

    with pytest.raises(StorageUnreachableError, match="in time"):
        upload(open_seafile(server, library), crate)


@pytest.mark.parametrize("server", ["c"], indirect=True)
def test_a_slow_server_is_waited_for(
    server: SeafileServer, library: Library, crate: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seafile_api, "TIMEOUT", httpx.Timeout(1.5))  # for a packet
    server.files.throttle = Throttle(bytes_per_s=150_000)

    assert upload(open_seafile(server, library), crate).size_bytes == crate.size_bytes


# What was stored


def test_what_is_stored_damaged_is_taken_away_and_sent_again(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    server.state.corrupt = lambda data: data[:-1] + b"\x00\x01"
    with pytest.raises(StorageIntegrityError, match="sent again"):
        upload(open_seafile(server, library), crate)

    assert library.files == {}


def test_another_block_size_is_settled_by_reading_back(
    server: SeafileServer, library: Library, crate: Source
) -> None:
    library.block_bytes = 64 * KIB
    stored = upload(open_seafile(server, library), crate)

    assert stored.digest == ""
    assert any("/files/" in line for line in server.seen)


def test_an_encrypted_library_is_settled_by_reading_back_and_found_again(
    server: SeafileServer, crate: Source
) -> None:
    library = server.state.add_library("vault", ALICE, encrypted=True)
    name = new_name()
    upload(open_seafile(server, library), crate, name)
    sent = upload_lines(server)
    upload(open_seafile(server, library), crate, name)

    assert upload_lines(server) == sent


def test_damage_in_an_encrypted_library_is_found_by_reading_back(
    server: SeafileServer, crate: Source
) -> None:
    library = server.state.add_library("vault", ALICE, encrypted=True)
    server.state.corrupt = lambda data: data[:-1] + bytes([data[-1] ^ 1])

    with pytest.raises(StorageIntegrityError):
        upload(open_seafile(server, library), crate)
    assert library.files == {}


def test_a_locked_encrypted_library_is_refused_before_anything_is_sent(
    server: SeafileServer, crate: Source
) -> None:
    library = server.state.add_library("vault", ALICE, encrypted=True, locked=True)

    with pytest.raises(StorageRefusedError, match="encrypted and locked"):
        upload(open_seafile(server, library), crate)
    assert upload_lines(server) == 0


def test_the_doctor_says_that_an_encrypted_library_has_no_links(server: SeafileServer) -> None:
    library = server.state.add_library("vault", ALICE, encrypted=True)
    with closing(open_seafile(server, library)) as backend:
        target = list(backend.check())[1]

    assert (target.step, target.ok) == ("target", False)
    assert "not encrypted" in target.todo


def test_the_doctor_names_a_server_whose_clock_is_wrong(
    server: SeafileServer, library: Library
) -> None:
    late = Reply(
        200,
        b'"pong"',
        (("Content-Type", "application/json"), ("Date", "Wed, 01 Jan 2020 00:00:00 GMT")),
    )
    server.faults.on("/auth/ping/", Fault("before", late))
    with closing(open_seafile(server, library)) as backend:
        first = next(iter(backend.check()))

    assert not first.ok
    assert "clock" in first.seen


# Secrets


def _wrong_password(server: SeafileServer, library: Library, crate: Source) -> None:
    server.state.min_password = 100
    with closing(open_seafile(server, library, password=LINK_PASSWORD)) as backend:
        stored = backend.upload(
            crate, new_name(), save_resume=lambda _: None, progress=lambda _: None
        )
        backend.link(stored, LinkPolicy())


def _revoked(server: SeafileServer, library: Library, crate: Source) -> None:
    server.state.accounts[ALICE].active = False
    upload(open_seafile(server, library), crate)


def _reset(server: SeafileServer, library: Library, crate: Source) -> None:
    server.faults.on("/upload-api/", Fault("mid-body"))
    upload(open_seafile(server, library), crate)


def _fault(server: SeafileServer, library: Library, crate: Source) -> None:
    server.faults.on("/file/detail/", Fault("before", Reply(500, FAULT_PAGE)))
    upload(open_seafile(server, library), crate)


def _nobody(server: SeafileServer, library: Library, crate: Source) -> None:
    upload(open_seafile(server, library, server="http://127.0.0.1:1"), crate)


@pytest.mark.parametrize("fail", [_wrong_password, _revoked, _reset, _fault, _nobody])
def test_a_secret_is_in_no_error_traceback_or_log(
    server: SeafileServer,
    library: Library,
    crate: Source,
    fail: Callable[[SeafileServer, Library, Source], None],
) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(ScrubbingFormatter())
    logging.root.addHandler(handler)
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    try:
        with pytest.raises(StorageError) as caught:
            fail(server, library, crate)
    finally:
        logging.root.removeHandler(handler)
        logging.root.setLevel(level)

    error = caught.value
    told = "".join(traceback.format_exception(error)) + error.detail + log.getvalue()
    assert MARKED not in told
    assert LINK_PASSWORD not in told
    assert server.url not in str(error)
    assert not any(token in told for token in server.state.file_tokens)
