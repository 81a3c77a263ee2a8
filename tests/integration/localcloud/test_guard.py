"""Clients that are slow on purpose; the server's clocks run faster here."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from simcrate.localcloud import Config, make_app
from simcrate.localcloud.guard import GuardedProtocol
from tests.servers.wire import connect, head, read_answer


class Hasty(GuardedProtocol):
    headers_timeout_s = 0.4
    slow_window_s = 0.6


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an open server with hasty clocks."""
    app = make_app(
        Config(folder=tmp_path_factory.mktemp("hasty"), open=True, public_url="http://x")
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Hasty, ws="none", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_headers_that_dribble_get_408(hasty: str) -> None:
    with connect(hasty) as connection:
        connection.sendall(b"GET /healthz HT")
        answer = read_answer(connection)

    assert (answer.status, answer.problem["code"]) == (408, "too-slow")


def test_connection_that_says_nothing_is_closed(hasty: str) -> None:
    with connect(hasty) as connection:
        assert connection.recv(1) == b""


def test_second_request_on_a_kept_connection_has_the_same_clock(hasty: str) -> None:
    with connect(hasty) as connection:
        connection.sendall(head("GET", "/healthz"))
        first = read_answer(connection)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        second = read_answer(connection)

    assert [first.status, second.status] == [200, 408]


def test_upload_that_stalls_gets_408_and_keeps_what_arrived(hasty: str) -> None:
    tus = {"Tus-Resumable": "1.0.0"}
    with httpx.Client(base_url=hasty, trust_env=False) as client:
        length = {"Upload-Length": "200000"}
        location = client.post("/files", headers=tus | length).headers["location"]
        request = head(
            "PATCH",
            location,
            Tus_Resumable="1.0.0",
            Content_Type="application/offset+octet-stream",
            Content_Length="200000",
            Upload_Offset="0",
        )
        with connect(hasty) as connection:
            connection.sendall(request + bytes(100_000))
            answer = read_answer(connection)

        assert (answer.status, answer.problem["code"]) == (408, "too-slow")
        assert int(client.head(location, headers=tus).headers["upload-offset"]) >= 65_536


def test_upload_that_is_fast_enough_may_take_longer_than_the_window(hasty: str) -> None:
    request = head("PUT", "/upload/steady.bin", Content_Length="20000")
    with connect(hasty) as connection:
        connection.sendall(request)
        for _ in range(20):
            connection.sendall(bytes(1000))
            time.sleep(0.06)
        answer = read_answer(connection)

    assert answer.status == 201


def test_slow_download_lives(hasty: str) -> None:
    content = bytes(8_000_000)
    with httpx.Client(base_url=hasty, trust_env=False) as client:
        stored = client.put("/upload/large.bin", content=content).json()
    path = stored["url"].removeprefix("http://x")
    received = b""
    with connect(hasty) as connection:
        connection.sendall(head("GET", path))
        time.sleep(1.5)  # longer than both clocks, with most of the content unread
        with contextlib.suppress(TimeoutError):
            while len(received) < len(content):
                received += connection.recv(1_000_000)

    assert received.endswith(content[:1000])
    assert len(received) > len(content)
