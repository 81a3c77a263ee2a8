"""Grants are given whatever the staging server answers in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from simcrate.portal.queue.parts import PartRows
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Simulation
from simcrate.secret import Secret
from simcrate.worker import grants
from simcrate.worker.grants import give_grants
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.staging import Staging

Answer = Callable[[dict[str, Any]], tuple[int, str]]
"""Status and body for the wish of a request."""

GRANTED = (200, json.dumps({"grant": "lcg_one-use"}))


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Something at the address of the staging server; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(wish)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "RETRY_S", 0.01)
    monkeypatch.setattr(grants, "GRANT_POLL_S", 0.01)


@pytest.fixture
def parts() -> PartRows:
    return PartRows(owner="here/1/1.00", machine="here")


@pytest.fixture
def asked(simulation: Simulation, worker: RowsPort, parts: PartRows) -> list[Claim]:
    """The claims of two runs whose parts wait for a grant."""
    claims = [claim for _ in (0, 1) if (claim := worker.claim([WorkKind.RUN]))]
    for number, claim in enumerate(claims):
        parts.ask_grant(claim, number=number, size_bytes=10, sha256="ab" * 32)
    return claims


def give(parts: PartRows, url: str, stop: Event) -> None:
    give_grants(Staging(url=url, parts=parts, secret=Secret("lc_secret")), stop)


@pytest.mark.parametrize("stranger", ["<html>please log in</html>", "[]", "{}"])
def test_a_stranger_that_answers_for_a_while_costs_only_time(
    asked: list[Claim], parts: PartRows, stranger: str
) -> None:
    stop, wishes = Event(), list[object]()

    def answer(wish: dict[str, Any]) -> tuple[int, str]:
        wishes.append(wish)
        if len(wishes) <= 3:
            return 200, stranger
        if len(wishes) == 5:  # the second part that is granted
            stop.set()
        return GRANTED

    with server(answer) as url:
        give(parts, url, stop)

    assert all(parts.grant(claim) for claim in asked)


def test_a_part_that_the_server_refuses_keeps_no_other_waiting(
    asked: list[Claim], parts: PartRows
) -> None:
    stop = Event()
    first = parts.wanted()[0].key

    def answer(wish: dict[str, Any]) -> tuple[int, str]:
        if wish["key"] == first:
            return 413, ""
        stop.set()
        return GRANTED

    with server(answer) as url:
        give(parts, url, stop)

    assert [bool(parts.grant(claim)) for claim in asked] == [False, True]
