"""The local backend beyond the contract: open servers, restarts, TLS, IPv6, foreign servers."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

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
from simcrate.localcloud.problems import PROBLEMS as SERVER_PROBLEMS
from simcrate.secret import Secret
from simcrate.storage import LinkPolicy, Source, StoredCrate, validate_options
from simcrate.storage.contract import PATIENCE, Killed, killed_upload, make_source, new_name, upload
from simcrate.storage.doctor import fetch_anonymously
from simcrate.storage.local_api import PROBLEMS
from simcrate.storage.local_upload import FIRST_PIECE_BYTES, next_piece_bytes
from simcrate.storage.localstoreops import LocalBackend
from simcrate.storage.wrappers import with_retries
from tests.servers.certificates import make_certificate
from tests.servers.http_double import HttpDouble, Reply
from tests.servers.localcloud import LocalCloud, local_cloud

MARKED = "marked-secret-4711-hunter2"


def backend_at(
    address: str, secret: str | None = None, *, tls: bool = False, ca: str | None = None
) -> LocalBackend:
    config = {"secret": Secret(secret) if secret else None, "tls": tls, "ca": ca}
    return LocalBackend(token=address, config=config)


@pytest.fixture
def large(tmp_path: Path) -> Source:
    return make_source(tmp_path / "large.zip", os.urandom(4 * FIRST_PIECE_BYTES + 1))


# --- definitions


@pytest.mark.parametrize(
    ("token", "config", "complaint"),
    [
        ("http://10.10.160.10:8976", {}, "is a URL"),
        ("10.10.160.10:port", {}, "from 1 to 65535"),
        ("10.10.160.10:8976", {"ca": "/etc/ca.pem"}, "'ca' in the backend config counts only"),
    ],
)
def test_a_wrong_definition_is_refused_with_the_reason(
    token: str, config: dict[str, str], complaint: str
) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        validate_options(LocalBackend, token, config)


# --- a server that is open to everybody


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with local_cloud(tmp_path_factory.mktemp("open") / "store", "--open") as server:
        yield server


def test_the_doctor_finds_an_open_server_healthy(open_server: LocalCloud) -> None:
    with closing(backend_at(open_server.address)) as backend:
        findings = list(backend.check())

    assert [finding for finding in findings if not finding.ok] == []
    assert "open to everybody" in findings[0].seen


def test_a_crate_on_an_open_server_is_known_by_its_link(
    open_server: LocalCloud, source: Source
) -> None:
    with closing(backend_at(open_server.address)) as backend:
        stored = upload(backend, source)
        seen = backend.stat(stored)
        link = backend.link(stored, LinkPolicy(expires_at=datetime.now(UTC) + timedelta(days=1)))

    assert (seen.remote_id, seen.digest) == (stored.remote_id, stored.digest)
    assert fetch_anonymously(link) == source.path.read_bytes()
    assert link.expires_at is None
    assert "without a secret" in link.remarks[0]


def test_a_crate_on_an_open_server_is_deleted_by_its_own_token(
    open_server: LocalCloud, source: Source
) -> None:
    with closing(backend_at(open_server.address)) as backend:
        stored = upload(backend, source)
        backend.delete(stored)

        with pytest.raises(StorageNotFoundError):
            backend.stat(stored)


def test_a_large_crate_on_an_open_server_goes_on_after_a_break_and_can_be_deleted(
    open_server: LocalCloud, large: Source
) -> None:
    name = new_name()
    resume = killed_upload(backend_at(open_server.address), large, name, at_bytes=FIRST_PIECE_BYTES)
    reports: list[int] = []
    with closing(with_retries(backend_at(open_server.address), PATIENCE)) as backend:
        stored = upload(backend, large, name, resume=resume, progress=reports.append)
        backend.delete(stored)

    assert reports[0] >= FIRST_PIECE_BYTES


# --- a server that dies


def test_an_upload_outlives_a_server_that_is_killed_and_started_again(
    tmp_path: Path, large: Source
) -> None:
    folder = tmp_path / "store"
    name = new_name()
    saved: list[str] = []
    with local_cloud(folder) as server:
        port = int(server.address.rpartition(":")[2])

        def die(sent_bytes: int) -> None:
            if sent_bytes >= FIRST_PIECE_BYTES:
                server.kill()
                raise Killed

        with closing(backend_at(server.address, server.secret.reveal())) as backend:
            with pytest.raises(Killed):
                backend.upload(
                    large,
                    name,
                    save_resume=lambda value: saved.append(json.dumps(value)),
                    progress=die,
                )
            with pytest.raises(StorageUnreachableError):
                upload(backend, large, name, resume=json.loads(saved[-1]))
    with (
        local_cloud(folder, port=port) as server,
        closing(backend_at(server.address, server.secret.reveal())) as backend,
    ):
        reports: list[int] = []
        stored = upload(backend, large, name, resume=json.loads(saved[-1]), progress=reports.append)

        assert reports[0] == FIRST_PIECE_BYTES
        assert [found.remote_id for found in backend.list_owned()] == [stored.remote_id]


# --- a server with limits


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    limits = ["--max-file-bytes", str(3 << 20), "--max-bytes", str(4 << 20), "--max-keep-days", "5"]
    with local_cloud(tmp_path_factory.mktemp("small") / "store", *limits) as server:
        yield server


@pytest.fixture
def small(small_server: LocalCloud) -> Iterator[LocalBackend]:
    with closing(backend_at(small_server.address, small_server.secret.reveal())) as backend:
        yield backend
        for stored in backend.list_owned():
            backend.delete(stored)


def test_a_crate_above_the_servers_limit_is_refused_for_good(
    small: LocalBackend, large: Source
) -> None:
    with pytest.raises(StorageRefusedError, match="larger than the server takes"):
        upload(small, large)


def test_a_crate_that_does_not_fit_may_fit_later(small: LocalBackend, tmp_path: Path) -> None:
    source = make_source(tmp_path / "3.zip", os.urandom(3 << 20))
    first = upload(small, source)
    with pytest.raises(StorageFullError, match="no space"):
        upload(small, make_source(tmp_path / "2.zip", os.urandom(2 << 20)))
    small.delete(first)

    assert upload(small, make_source(tmp_path / "2.zip", os.urandom(2 << 20))).remote_id


@pytest.mark.parametrize("days", [None, 30], ids=["for ever", "too long"])
def test_a_link_says_when_the_server_keeps_it_for_less_than_asked(
    small: LocalBackend, source: Source, days: int | None
) -> None:
    now = datetime.now(UTC)
    asked = None if days is None else now + timedelta(days=days)
    link = small.link(upload(small, source), LinkPolicy(expires_at=asked))

    assert link.expires_at is not None
    assert abs(link.expires_at - now - timedelta(days=5)) < timedelta(minutes=1)
    assert "keeps nothing longer" in link.remarks[0]


# --- pieces


@pytest.mark.parametrize(
    ("piece_mib", "took_s", "next_mib"),
    [(4, 0.1, 8), (4, 1.0, 4), (4, 3.0, 2), (64, 0.1, 64), (1, 60.0, 1)],
)
def test_a_piece_grows_or_shrinks_until_it_takes_about_a_second(
    piece_mib: int, took_s: float, next_mib: int
) -> None:
    assert next_piece_bytes(piece_mib << 20, took_s) == next_mib << 20


# --- addresses and TLS


def test_a_server_on_ipv6_is_reached(tmp_path: Path, source: Source) -> None:
    with (
        local_cloud(tmp_path / "store", "--host", "::1") as server,
        closing(backend_at(server.address, server.secret.reveal())) as backend,
    ):
        link = backend.link(upload(backend, source), LinkPolicy())

        assert server.address.startswith("[::1]:")
        assert fetch_anonymously(link) == source.path.read_bytes()


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalCloud, str]]:
    """A server with a certificate of its own, and the path of that."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = make_certificate(folder)
    options = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    with local_cloud(folder / "store", *options) as server:
        yield server, str(certificate)


def test_a_server_with_a_certificate_that_is_named_is_trusted(
    tls_server: tuple[LocalCloud, str], source: Source
) -> None:
    server, ca = tls_server
    with closing(backend_at(server.address, server.secret.reveal(), tls=True, ca=ca)) as backend:
        link = backend.link(upload(backend, source), LinkPolicy())
        findings = list(backend.check())

    assert link.url.startswith("https://")
    assert [finding for finding in findings if not finding.ok] == []


def test_a_certificate_that_nobody_vouches_for_says_what_to_name(
    tls_server: tuple[LocalCloud, str],
) -> None:
    server, _ = tls_server
    backend = backend_at(server.address, server.secret.reveal(), tls=True)
    with closing(backend), pytest.raises(StorageUnreachableError, match="as 'ca' in the config"):
        backend.space()


def test_a_server_that_speaks_tls_is_not_reached_without(
    tls_server: tuple[LocalCloud, str],
) -> None:
    server, _ = tls_server
    backend = backend_at(server.address, server.secret.reveal())
    with closing(backend), pytest.raises(StorageUnreachableError):
        backend.space()


def test_plain_http_on_a_tls_port_says_what_to_check(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store") as server:
        backend = backend_at(server.address, MARKED, tls=True)
        with closing(backend), pytest.raises(StorageUnreachableError, match="check 'tls'"):
            backend.space()


def test_certificates_that_cannot_be_read_are_named_by_their_option(tmp_path: Path) -> None:
    backend = backend_at("127.0.0.1:1", MARKED, tls=True, ca=str(tmp_path / "none.pem"))

    with pytest.raises(StorageRefusedError, match="'ca' in the config") as caught:
        backend.stat(a_crate())
    assert str(tmp_path) not in str(caught.value)


# --- servers that say no, and servers that are something else


def a_crate() -> StoredCrate:
    return StoredCrate(
        remote_id="ab12", name="n", size_bytes=1, digest="sha256:00", extra={"url": "http://h/t/n"}
    )


def problem(code: str, status: int, *headers: tuple[str, str]) -> Reply:
    body = json.dumps({"code": code, "detail": f"server text with {MARKED}"}).encode()
    return Reply(status, body, (("Content-Type", "application/problem+json"), *headers))


@pytest.mark.parametrize("code", list(PROBLEMS))
def test_every_known_refusal_of_the_server_is_an_error_of_ours(code: str) -> None:
    status, _ = SERVER_PROBLEMS[code]
    with (
        HttpDouble(lambda _: problem(code, status)) as server,
        closing(backend_at(server.host, MARKED)) as backend,
        pytest.raises(PROBLEMS[code][0]) as caught,
    ):
        backend.space()

    assert PROBLEMS[code][1] in str(caught.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("secret-unknown", StorageAuthError),
        ("full", StorageFullError),
        ("digest-mismatch", StorageIntegrityError),
        ("removed", StorageNotFoundError),
        ("of-the-future", StorageRefusedError),
    ],
)
def test_refusals_have_the_class_that_says_whether_to_try_again(
    code: str, kind: type[StorageError]
) -> None:
    with (
        HttpDouble(lambda _: problem(code, 400)) as server,
        closing(backend_at(server.host, MARKED)) as backend,
        pytest.raises(kind),
    ):
        backend.stat(a_crate())


def test_a_busy_server_says_how_long_to_wait() -> None:
    busy = problem("too-many", 429, ("Retry-After", "17"))
    with (
        HttpDouble(lambda _: busy) as server,
        closing(backend_at(server.host, MARKED)) as backend,
        pytest.raises(StorageBusyError) as caught,
    ):
        backend.space()

    assert caught.value.retry_after_s == 17.0


HTML = (("Content-Type", "text/html"),)


@pytest.mark.parametrize(
    "reply",
    [Reply(status, b"<html>Welcome</html>", HTML) for status in (200, 302, 404, 500, 502)],
    ids=lambda reply: str(reply.status),
)
def test_something_else_at_the_address_is_recognised(reply: Reply, source: Source) -> None:
    with (
        HttpDouble(lambda _: reply) as server,
        closing(backend_at(server.host, MARKED)) as backend,
    ):
        with pytest.raises(StorageUnreachableError, match="no local-cloud"):
            upload(backend, source)
        (finding,) = backend.check()

    assert not finding.ok
    assert "no local-cloud" in finding.seen


@pytest.mark.parametrize(
    "location", ["", "https://elsewhere.test/files/1", "//elsewhere.test/files/1"]
)
def test_an_upload_is_never_continued_at_another_host(location: str, large: Source) -> None:
    with (
        HttpDouble(lambda _: Reply(201, b"{}", (("Location", location),))) as server,
        closing(backend_at(server.host)) as backend,
        pytest.raises(StorageUnreachableError, match="no local-cloud"),
    ):
        upload(backend, large)

    assert server.seen == ["POST /files"]


def test_a_link_that_a_stranger_answers_is_no_crate() -> None:
    with (
        HttpDouble(lambda _: Reply(200, b"hello")) as server,
        closing(backend_at(server.host)) as backend,
        pytest.raises(StorageUnreachableError, match="no local-cloud"),
    ):
        backend.stat(a_crate())


def test_a_server_that_takes_connections_and_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simcrate.storage.local_api.TIMEOUT", httpx.Timeout(0.2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        backend = backend_at(f"127.0.0.1:{server.getsockname()[1]}", MARKED)
        with (
            closing(backend),
            pytest.raises(StorageUnreachableError, match="did not answer in time"),
        ):
            backend.space()


def test_another_service_that_speaks_json_is_recognised() -> None:
    reply = Reply(200, b'{"service": "shop"}', (("Content-Type", "application/json"),))
    with HttpDouble(lambda _: reply) as server, closing(backend_at(server.host)) as backend:
        (finding,) = backend.check()

    assert (finding.step, finding.ok) == ("authenticate", False)


def test_a_clock_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"service": "local-cloud", "protocol": "1.0", "secret_needed": false}'
    hour_ago = SimpleNamespace(time=lambda: time.time() - 3600)
    monkeypatch.setattr("simcrate.storage.localstoreops.time", hour_ago)
    with (
        HttpDouble(lambda _: Reply(200, body)) as server,
        closing(backend_at(server.host)) as backend,
    ):
        *_, last = backend.check()

    assert (last.step, last.ok) == ("target", False)
    assert "+60 minutes" in last.seen


# --- what errors tell


@pytest.mark.parametrize(
    "reply",
    [
        problem("secret-unknown", 401),
        problem("full", 507),
        Reply(200, MARKED.encode()),
        Reply(500, MARKED.encode()),
    ],
    ids=["unknown", "full", "foreign", "broken"],
)
def test_errors_hold_neither_secret_nor_host(reply: Reply, source: Source) -> None:
    with HttpDouble(lambda _: reply) as server, closing(backend_at(server.host, MARKED)) as backend:
        with pytest.raises(StorageError) as caught:
            upload(backend, source)
        findings = list(backend.check())

    assert server.host not in str(caught.value)
    assert MARKED not in str(caught.value) + caught.value.detail + repr(findings)


def test_a_server_that_is_down_keeps_secret_and_host_out_of_the_error(source: Source) -> None:
    with (
        closing(backend_at("127.0.0.1:1", MARKED)) as backend,
        pytest.raises(StorageError) as caught,
    ):
        upload(backend, source)

    assert "127.0.0.1" not in str(caught.value)
    assert "127.0.0.1" in caught.value.detail
    assert MARKED not in f"{caught.value} {caught.value.detail} {caught.value.__cause__!r}"
