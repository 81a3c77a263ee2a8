"""The application in this process, with a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette

from simcrate.localcloud import Config, make_app
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.housekeeping import tidy
from simcrate.localcloud.secretbook import new_secret

DAY_S = 86_400.0


@dataclass(slots=True)
class Clock:
    """Seconds since 1970, as tests want them."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True, kw_only=True)
class Client:
    """Asks an application that runs in another thread."""

    portal: BlockingPortal
    http: httpx.AsyncClient

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        return self.portal.call(partial(self.http.request, method, url, **options))

    get = partialmethod(request, "GET")
    head = partialmethod(request, "HEAD")
    put = partialmethod(request, "PUT")
    post = partialmethod(request, "POST")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")


@contextmanager
def running(app: Starlette, headers: dict[str, str] | None = None) -> Iterator[Client]:
    """An application from its start to its end."""
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://cloud.test", headers=headers
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        portal.wrap_async_context_manager(http),
    ):
        yield Client(portal=portal, http=http)


@dataclass(slots=True, kw_only=True)
class Server:
    """A server in this process."""

    cloud: Cloud
    client: Client
    clock: Clock

    def days_pass(self, days: float) -> int:
        """Let time pass and tidy up; the number of objects that were removed."""
        self.clock.now += days * DAY_S
        return tidy(self.cloud)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[Server]:
    app = make_app(Config(folder=tmp_path / "store", public_url="http://cloud.test"), clock=clock)
    cloud: Cloud = app.state.cloud
    secret = new_secret(cloud.ledger, now=clock())
    headers = {"Authorization": f"Bearer {secret.reveal()}"}
    with running(app, headers) as client:
        yield Server(cloud=cloud, client=client, clock=clock)
