"""`/healthz`: the process answers; `/readyz`: it can take an upload.  No secret needed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.problems import Problem

PROTOCOL_VERSION = "1.0"
NO_STORE = {"Cache-Control": "no-store"}


def routes() -> list[Route]:
    """Both."""
    return [
        Route("/healthz", healthz, methods=["GET", "HEAD"]),
        Route("/readyz", readyz, methods=["GET", "HEAD"]),
    ]


async def healthz(request: Request) -> Response:
    """Who answers here, and whether uploads need a secret."""
    content = {
        "service": "local-cloud",
        "protocol": PROTOCOL_VERSION,
        "secret_needed": not cloud_of(request).config.open,
    }
    return JSONResponse(content, headers=NO_STORE)


async def readyz(request: Request) -> Response:
    """Whether the ledger can be written and the disk has space above its floor."""
    cloud = cloud_of(request)
    if (reason := await cloud.run(_obstacle, cloud)) is not None:
        raise Problem("not-ready", reason)
    return JSONResponse({"ready": True}, headers=NO_STORE)


def _obstacle(cloud: Cloud) -> str | None:
    if cloud.blobs.free_bytes() <= cloud.config.reserve_bytes:
        return "the disk's free space is at the floor that is kept free; remove or expire objects"
    with cloud.ledger.transaction(durable=False) as connection:
        connection.execute("DELETE FROM reservations WHERE expires_at <= ?", [cloud.now()])
    return None
