"""What owners set aside and hand out: `/grants`, `/reservations`, `/space`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simcrate.localcloud.auth import credential_of
from simcrate.localcloud.bodies import read_body
from simcrate.localcloud.clock import rfc3339
from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.grants import GrantTerms, make_grant
from simcrate.localcloud.space import release, require_space, reserve, space_for
from simcrate.localcloud.watch import note
from simcrate.localcloud.wish import parse_wish

GRANT_KEEP_S = 24 * 3600.0
RESERVATION_KEEP_S = 24 * 3600.0
NO_STORE = {"Cache-Control": "no-store"}


def routes() -> list[Route]:
    """The three resources."""
    return [
        Route("/grants", grant, methods=["POST"]),
        Route("/reservations", make_reservation, methods=["POST"]),
        Route("/reservations/{reservation_id}", end_reservation, methods=["DELETE"]),
        Route("/space", space, methods=["GET"]),
    ]


async def grant(request: Request) -> Response:
    """Make a one-use grant: `{"size": …, "key"?, "sha256"?, "expires_in_s"?}`."""
    cloud, credential = cloud_of(request), credential_of(request)
    body = await read_body(request, required={"size"}, optional={"key", "sha256", "expires_in_s"})
    now = cloud.now()
    terms = GrantTerms(
        owner=credential.owner,
        key=body.key() if "key" in body else "",
        max_bytes=body.size_bytes(),
        sha256=body.sha256() if "sha256" in body else None,
        wish=await cloud.run(parse_wish, request.headers, now=now),
        expires_at=now + body.seconds(default=GRANT_KEEP_S),
    )
    grant_id, value = await cloud.run(_enter_grant, cloud, terms, now)
    note(request, "grant.made")
    content = {
        "id": grant_id,
        "grant": value,
        "key": terms.key or None,
        "size": terms.max_bytes,
        "sha256": terms.sha256,
        "expires_at": rfc3339(terms.expires_at),
    }
    return JSONResponse(content, status_code=201, headers=NO_STORE)


async def make_reservation(request: Request) -> Response:
    """Set space aside for a coming upload: `{"size": …, "expires_in_s"?}`."""
    cloud, credential = cloud_of(request), credential_of(request)
    body = await read_body(request, required={"size"}, optional={"expires_in_s"})
    size_bytes, now = body.size_bytes(), cloud.now()
    expires_at = now + body.seconds(default=RESERVATION_KEEP_S)
    reservation_id = await cloud.run(_reserve, cloud, credential.owner, size_bytes, expires_at)
    content = {"id": reservation_id, "size": size_bytes, "expires_at": rfc3339(expires_at)}
    return JSONResponse(content, status_code=201, headers=NO_STORE)


async def end_reservation(request: Request) -> Response:
    """Give reserved space back; 204, also when there is none."""
    cloud, credential = cloud_of(request), credential_of(request)
    await cloud.run(_release, cloud, credential.owner, request.path_params["reservation_id"])
    return Response(status_code=204)


async def space(request: Request) -> Response:
    """Space as it counts for this owner's next upload."""
    cloud, credential = cloud_of(request), credential_of(request)
    seen = await cloud.run(
        space_for,
        cloud.ledger,
        cloud.blobs,
        cloud.config,
        owner=credential.owner,
        now=cloud.now(),
    )
    content = {
        "used": seen.used_bytes,
        "objects": seen.objects,
        "announced": seen.announced_bytes,
        "free": seen.free_bytes,
        "max_file": cloud.config.max_file_bytes,
        "max_keep_s": cloud.config.max_keep_s,
    }
    return JSONResponse(content, headers=NO_STORE)


def _enter_grant(cloud: Cloud, terms: GrantTerms, now: float) -> tuple[str, str]:
    with cloud.ledger.transaction(durable=True) as connection:
        grant_id, value = make_grant(connection, terms, now=now)
    return grant_id, value.reveal()


def _reserve(cloud: Cloud, owner: str, size_bytes: int, expires_at: float) -> str:
    with cloud.ledger.transaction(durable=True) as connection:
        seen = space_for(cloud.ledger, cloud.blobs, cloud.config, owner=owner, now=cloud.now())
        require_space(size_bytes, seen, cloud.config)
        return reserve(connection, owner=owner, size_bytes=size_bytes, expires_at=expires_at)


def _release(cloud: Cloud, owner: str, reservation_id: str) -> None:
    with cloud.ledger.transaction(durable=False) as connection:
        release(connection, reservation_id, owner=owner)
