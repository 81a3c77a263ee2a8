"""The ASGI application: every route, and every error as a problem document."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from simcrate.localcloud import allowances, downloads, health, inside, metrics, owned, put, tus
from simcrate.localcloud.auth import known_token
from simcrate.localcloud.blobs import NO_SPACE
from simcrate.localcloud.clock import Clock
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.config import Config
from simcrate.localcloud.gate import Gate
from simcrate.localcloud.housekeeping import keep_tidy
from simcrate.localcloud.ports import Ports, Role
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.recovery import finish_whole, mark_clean, recover
from simcrate.localcloud.watch import Watch

log = logging.getLogger(__name__)

DISK_FULL = "the disk is full, and this could not be completed; send it again once there is space"
STATUS_PROBLEMS = {404: "not-found", 405: "method-not-allowed"}


def make_app(
    config: Config, *, clock: Clock = time.time, roles: Mapping[int, Role] | None = None
) -> Starlette:
    """The whole server as an application; its files are closed when its lifespan ends.

    Args:
        config: as given at start.
        clock: seconds since 1970.
        roles: what each port serves; everything but metrics where a port is not named.
    """
    cloud = Cloud(config, clock=clock)
    app = Starlette(
        routes=[
            *health.routes(),
            *metrics.routes(),
            *put.routes(),
            *tus.routes(),
            *owned.routes(),
            *allowances.routes(),
            *inside.routes(),
            *downloads.routes(),
        ],
        middleware=[
            Middleware(Ports, roles=roles or {}),
            Middleware(Watch, cloud=cloud, known_token=known_token),
        ],
        exception_handlers={
            Problem: _on_problem,
            HTTPException: _on_http_exception,
            ClientDisconnect: _on_disconnect,
            OSError: _on_os_error,
            sqlite3.OperationalError: _on_ledger_error,
            Exception: _on_failure,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.cloud = cloud
    app.state.gate = Gate()
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    cloud: Cloud = app.state.cloud
    await cloud.run(recover, cloud)
    background = [
        asyncio.create_task(finish_whole(cloud)),
        asyncio.create_task(keep_tidy(cloud)),
    ]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        cloud.close()
        mark_clean(cloud.config.folder)


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _on_http_exception(_: Request, error: Exception) -> Response:
    """What routing itself refuses."""
    assert isinstance(error, HTTPException)
    code = STATUS_PROBLEMS.get(error.status_code, "bad-request")
    return Problem(code, error.detail, headers=error.headers).response()


async def _on_disconnect(_: Request, __: Exception) -> Response:
    """Nobody is there to read this."""
    return Response(status_code=400)


async def _on_os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in NO_SPACE:
        return Problem("full", DISK_FULL).response()
    return await _on_failure(request, error)


async def _on_ledger_error(request: Request, error: Exception) -> Response:
    if "full" in str(error):
        return Problem("full", DISK_FULL).response()
    return await _on_failure(request, error)


async def _on_failure(_: Request, error: Exception) -> Response:
    """The one place where an unforeseen error ends; its text stays in the log."""
    log.error("request.failed", exc_info=error)
    return Problem("internal", "the server failed; its log has the reason").response()
