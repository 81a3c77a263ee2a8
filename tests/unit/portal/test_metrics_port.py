"""The port of `/metrics`: nothing but metrics there, and no metrics anywhere else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import httpx
import pytest
import uvicorn

from simcrate.cli.metricsport import listen_for_metrics
from simcrate.errors import BadInputError, PortError
from simcrate.openmetrics import CONTENT_TYPE
from simcrate.portal.body_limit import Receive, Scope, Send
from simcrate.portal.metrics.port import MetricsPort
from tests.servers.ports import free_port

HOST = "127.0.0.1"


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for the portal: answers whatever it is asked."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


def an_empty_page() -> str:
    return "# EOF\n"


def unreachable() -> str:
    raise PortError("the portal's database cannot be reached", detail="port 5432")


@contextmanager
def serving(read: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """The addresses of the pages and of the metrics, served by one server."""
    with socket.create_server((HOST, 0)) as portal, socket.create_server((HOST, 0)) as metrics:
        portal_port, metrics_port = (one.getsockname()[1] for one in (portal, metrics))
        application = MetricsPort(pages, metrics_port, read=read)
        server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None))
        thread = Thread(target=server.run, kwargs={"sockets": [portal, metrics]})
        thread.start()
        try:
            yield f"http://{HOST}:{portal_port}", f"http://{HOST}:{metrics_port}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    with serving(an_empty_page) as both:
        yield both


def test_metrics_are_on_their_own_port(addresses: tuple[str, str]) -> None:
    _, metrics = addresses
    answer = httpx.get(f"{metrics}/metrics")

    assert answer.text == "# EOF\n"
    assert answer.headers["content-type"] == CONTENT_TYPE


def test_a_stranger_at_the_portal_gets_pages_only_whatever_host_is_claimed(
    addresses: tuple[str, str],
) -> None:
    portal, metrics = addresses
    claimed = {"Host": metrics.removeprefix("http://"), "X-Forwarded-Port": metrics[-5:]}

    assert httpx.get(f"{portal}/metrics", headers=claimed).text == "a page"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/admin/"), ("POST", "/metrics")]
)
def test_nothing_else_is_on_that_port(addresses: tuple[str, str], method: str, path: str) -> None:
    _, metrics = addresses

    assert httpx.request(method, f"{metrics}{path}").status_code == 404


def test_a_database_that_is_away_is_said_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(unreachable) as (_, metrics):
        answer = httpx.get(f"{metrics}/metrics")

    assert (answer.status_code, answer.text) == (503, "the portal's database cannot be reached\n")
    assert "database.not_reached" in caplog.messages


def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    taken = free_port()
    with socket.create_server((HOST, taken)), pytest.raises(BadInputError, match=f"port {taken}"):
        listen_for_metrics(HOST, taken, portal_port=1)


def test_the_port_of_the_pages_is_refused() -> None:
    with pytest.raises(BadInputError, match="the portal's pages are there"):
        listen_for_metrics(HOST, 8000, portal_port=8000)
