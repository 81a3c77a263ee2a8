"""What owners do with their objects: `/objects`."""

from __future__ import annotations

import hmac
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simcrate.localcloud.answers import delete_token, describe, object_headers, stored_response
from simcrate.localcloud.auth import Credential, bearer_token, credential_of
from simcrate.localcloud.bodies import read_body
from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.downloads import require_bytes
from simcrate.localcloud.objects import (
    PAGE,
    StoredObject,
    find_object,
    list_objects,
    set_keeping,
)
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.removal import SameBytes, claim_again, remove_object
from simcrate.localcloud.watch import note
from simcrate.localcloud.wish import Wish, parse_expiry, parse_wish

OBJECT_ID = re.compile(r"[0-9a-f]{0,32}")


def routes() -> list[Route]:
    """The collection and its members."""
    return [
        Route("/objects", list_owned, methods=["GET"]),
        Route("/objects", claim, methods=["POST"]),
        Route("/objects/{object_id}", stat, methods=["GET", "HEAD"]),
        Route("/objects/{object_id}", change, methods=["PATCH"]),
        Route("/objects/{object_id}", delete, methods=["DELETE"]),
    ]


async def list_owned(request: Request) -> Response:
    """A page of the owner's living objects, in the order of their ids."""
    cloud, credential = cloud_of(request), credential_of(request)
    after = request.query_params.get("after", "")
    if OBJECT_ID.fullmatch(after) is None:
        raise Problem("bad-request", "'after' must be the id of an object")
    prefix = request.query_params.get("prefix", "")
    page = await cloud.run(
        list_objects, cloud.ledger, owner=credential.owner, prefix=prefix, after=after
    )
    following = page[-1].object_id if len(page) == PAGE else None
    content = {"objects": [describe(cloud, stored) for stored in page], "next_after": following}
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


async def claim(request: Request) -> Response:
    """Store again what this owner has already, without sending it; 404 `not-stored` otherwise."""
    cloud, credential = cloud_of(request), credential_of(request)
    body = await read_body(request, required={"key", "sha256", "size"})
    wish = await cloud.run(parse_wish, request.headers, now=cloud.now())
    bytes_ = SameBytes(
        owner=credential.owner, key=body.key(), sha256=body.sha256(), size_bytes=body.size_bytes()
    )
    stored, created = await cloud.run(claim_again, cloud, bytes_, wish)
    note(request, "object.claimed" if created else "object.found", stored=stored)
    return stored_response(cloud, stored, created=created)


async def stat(request: Request) -> Response:
    """What is stored under an id."""
    cloud, credential = cloud_of(request), credential_of(request)
    stored = _owned(cloud, credential, request.path_params["object_id"])
    require_bytes(cloud, stored)
    return JSONResponse(describe(cloud, stored), headers=object_headers(stored))


async def change(request: Request) -> Response:
    """Keep longer, shorter, for ever, or hold: `{"expires": …, "held": true}`."""
    cloud, credential = cloud_of(request), credential_of(request)
    body = await read_body(request, required=set(), optional={"expires", "held"})
    stored = _owned(cloud, credential, request.path_params["object_id"])
    _require_match(request, stored)
    expires_at = stored.expires_at
    if "expires" in body:
        expires_at = _new_expiry(cloud, body.members["expires"])
    held = body.flag("held") if "held" in body else bool(stored.held)
    note(request, "object.changed", stored=stored)
    changed = await cloud.run(_keep, cloud, stored, expires_at, held=held)
    return JSONResponse(describe(cloud, changed), headers=object_headers(changed))


async def delete(request: Request) -> Response:
    """Remove an object and its link, by its owner or with its delete token; 204, also when gone."""
    cloud = cloud_of(request)
    stored = find_object(cloud.ledger, request.path_params["object_id"])
    if not _has_delete_token(request, cloud):
        credential = credential_of(request)
        if stored is not None and stored.owner != credential.owner:
            stored = None
    if stored is None:
        raise Problem("not-found", "this credential has no object with this id")
    if stored.removed_at is None:
        _require_match(request, stored)
        if stored.held:
            raise Problem("precondition-failed", "the object is on hold; end the hold first")
        if not await cloud.run(remove_object, cloud, stored, why="removed"):
            return await delete(request)  # it is another one meanwhile: look again
        note(request, "object.removed", stored=stored)
    return Response(status_code=204)


def _owned(cloud: Cloud, credential: Credential, object_id: str) -> StoredObject:
    stored = find_object(cloud.ledger, object_id)
    if stored is None or stored.owner != credential.owner:
        raise Problem("not-found", "this credential has no object with this id")
    if stored.removed_at is not None or stored.is_expired(cloud.now()):
        raise _gone(stored)
    return stored


def _gone(stored: StoredObject) -> Problem:
    return Problem("expired" if stored.removed_why != "removed" else "removed", "it is gone")


def _require_match(request: Request, stored: StoredObject) -> None:
    value = request.headers.get("if-match")
    if value is not None and value.strip() not in {"*", stored.etag}:
        raise Problem("precondition-failed", f"the object has ETag {stored.etag}, not {value[:80]}")


def _has_delete_token(request: Request, cloud: Cloud) -> bool:
    given = bearer_token(request) or ""
    right = delete_token(cloud, request.path_params["object_id"])
    return hmac.compare_digest(given.encode(), right.encode())


def _new_expiry(cloud: Cloud, asked: object) -> float | None:
    if isinstance(asked, bool) or not isinstance(asked, str | int | None):
        raise Problem("bad-expiry", "'expires' must be seconds from now, an RFC 3339 time, or null")
    now = cloud.now()
    keep_s, expires_at = parse_expiry(None if asked is None else str(asked), now=now)
    return Wish(keep_s=keep_s, expires_at=expires_at).expiry(
        now, max_keep_s=cloud.config.max_keep_s
    )


def _keep(
    cloud: Cloud, stored: StoredObject, expires_at: float | None, *, held: bool
) -> StoredObject:
    with cloud.ledger.transaction(durable=True) as connection:
        changed = set_keeping(connection, stored.object_id, expires_at=expires_at, held=held)
    if changed.removed_at is not None:
        raise _gone(changed)
    return changed
