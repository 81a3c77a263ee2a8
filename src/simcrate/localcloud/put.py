"""`PUT /upload/<key>`: a whole file in one request, or the rest of one that broke off.

A fresh `PUT` is an upload of its own; one with `Content-Range` goes on with the newest unfinished
upload of the same owner and key (`curl -T FILE -C OFFSET`).  `HEAD` tells the offset, `DELETE` gives up.
"""

from __future__ import annotations

import re
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simcrate.localcloud.answers import object_headers, object_url, stored_response
from simcrate.localcloud.auth import Credential, uploader_of
from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.connection import cut_of
from simcrate.localcloud.digests import Checksum, parse_sha256
from simcrate.localcloud.mediatypes import checked_media_type
from simcrate.localcloud.names import parse_key
from simcrate.localcloud.objects import StoredObject, find_object, find_same_bytes
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.rawpaths import raw_rest
from simcrate.localcloud.removal import SameBytes, claim_again
from simcrate.localcloud.uploads import (
    Announcement,
    Upload,
    begin_upload,
    commit,
    drop_upload,
    find_unfinished,
    finish,
    receive,
)
from simcrate.localcloud.watch import note
from simcrate.localcloud.wish import Wish, parse_wish

PREFIX = b"/upload/"
PATH = raw_rest("/upload/", "key")
RESERVATION_HEADER = "cloud-reservation"
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


def routes() -> list[Route]:
    """The resource `/upload/<key>`."""
    return [
        Route(PATH, put, methods=["PUT"]),
        Route(PATH, head, methods=["HEAD"]),
        Route(PATH, give_up, methods=["DELETE"]),
    ]


async def put(request: Request) -> Response:
    """Take a file; 201 with the object, 200 if it is there already."""
    cloud, credential = cloud_of(request), uploader_of(request)
    announced = await announcement(request, credential, key=_key(request))
    if not _range_start(request):
        await _end_older(cloud, credential, announced)
        credential = uploader_of(request)  # the earlier try may have used its grant
    if (stored := _given_before(cloud, announced, credential)) is not None:
        note(request, "object.found", stored=stored)
        return stored_response(cloud, stored, created=False)
    if (claimed := await _claimed(cloud, announced, credential)) is not None:
        stored, created = claimed
        note(request, "object.claimed" if created else "object.found", stored=stored)
        return stored_response(cloud, stored, created=created)
    upload, offset = await _open(request, credential, announced)
    checksum = _checksum(request)
    try:
        await receive(
            cloud,
            upload,
            request.stream(),
            offset=offset,
            checksum=checksum,
            cut=cut_of(request),
        )
    except Problem:
        if not offset and cloud.blobs.offset(upload.upload_id) == 0:
            await cloud.run(drop_upload, cloud, upload)
        raise
    stored = await finish(cloud, upload)
    note(request, "object.stored", stored=stored)
    return stored_response(cloud, stored, created=True)


async def head(request: Request) -> Response:
    """Where an upload stands: 200 with `Upload-Offset` and `Upload-Length`."""
    cloud, credential = cloud_of(request), uploader_of(request)
    upload = _unfinished(cloud, credential, _key(request))
    offset = cloud.blobs.offset(upload.upload_id)
    if offset == upload.size_bytes:
        stored = await finish(cloud, upload)
        headers = object_headers(stored) | {"Location": object_url(cloud, stored)}
        return Response(headers=headers)
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(upload.size_bytes)}
    return Response(headers={"Cache-Control": "no-store", **headers})


async def give_up(request: Request) -> Response:
    """Forget the unfinished upload."""
    cloud, credential = cloud_of(request), uploader_of(request)
    upload = _unfinished(cloud, credential, _key(request))
    with cloud.sessions.sending(upload.upload_id, cut=None):
        await cloud.run(drop_upload, cloud, upload)
    return Response(status_code=204)


async def announcement(
    request: Request, credential: Credential, *, key: str, size_bytes: int | None = None
) -> Announcement:
    """What the headers of a request announce; a grant's terms go before them."""
    cloud = cloud_of(request)
    sha256 = parse_sha256(request.headers.get("repr-digest"))
    size_bytes = _total_bytes(request) if size_bytes is None else size_bytes
    grant = credential.grant
    if grant is None:
        wish = await cloud.run(parse_wish, request.headers, now=cloud.now())
    else:
        grant.require(key=key, size_bytes=size_bytes, sha256=sha256)
        sha256 = sha256 or grant.sha256
        wish = Wish.from_json(grant.wish)
    return Announcement(
        owner=credential.owner,
        key=key,
        media_type=checked_media_type(request.headers.get("content-type")),
        size_bytes=size_bytes,
        sha256=sha256,
        wish=wish,
        grant_id=grant.grant_id if grant else None,
        reservation_id=request.headers.get(RESERVATION_HEADER),
    )


def _given_before(
    cloud: Cloud, announced: Announcement, credential: Credential
) -> StoredObject | None:
    """The object that a used grant gave, to whoever sends the same again."""
    grant = credential.grant
    if grant is None or grant.object_id is None:
        return None
    stored = find_object(cloud.ledger, grant.object_id)
    if (
        stored is None
        or stored.removed_at is not None
        or (stored.key, stored.sha256) != (announced.key, announced.sha256)
        or not cloud.blobs.is_whole(stored.blob, stored.size_bytes)
    ):
        raise Problem("grant-used", "this grant has given an object already; ask for a new one")
    return stored


async def _claimed(
    cloud: Cloud, announced: Announcement, credential: Credential
) -> tuple[StoredObject, bool] | None:
    """An object from bytes that this owner stored before, and whether it is new.

    Only owners can have it: whoever knows a digest only, must bring the bytes.
    """
    if announced.sha256 is None or credential.is_anyone or credential.grant is not None:
        return None
    same = SameBytes(
        owner=announced.owner,
        key=announced.key,
        sha256=announced.sha256,
        size_bytes=announced.size_bytes,
    )
    twin = find_same_bytes(cloud.ledger, same.owner, same.sha256, size_bytes=same.size_bytes)
    if twin is None or not cloud.blobs.is_whole(twin.blob, twin.size_bytes):
        return None
    return await cloud.run(claim_again, cloud, same, announced.wish)


def _key(request: Request) -> str:
    raw_path = bytes(request.scope["raw_path"])
    return parse_key(raw_path.partition(PREFIX)[2])


async def _open(
    request: Request, credential: Credential, announced: Announcement
) -> tuple[Upload, int | None]:
    cloud, start = cloud_of(request), _range_start(request)
    if not start:
        return await cloud.run(begin_upload, cloud, announced), start
    upload = _unfinished(cloud, credential, announced.key)
    if upload.size_bytes != announced.size_bytes:
        message = f"the unfinished upload of this name has {upload.size_bytes} bytes in all"
        raise Problem("not-found", message)
    return replace(upload, sha256=announced.sha256 or upload.sha256), start


async def _end_older(cloud: Cloud, credential: Credential, announced: Announcement) -> None:
    """Give back the space of an earlier try; one of a secret may still be under way, beside this one.

    One that is published is entered; `begin_upload` takes the grant from one that may be of other bytes.
    """
    older = _find_unfinished(cloud, credential, announced.key)
    if older is None or (credential.grant is None and cloud.sessions.is_sending(older.upload_id)):
        return
    with cloud.sessions.sending(older.upload_id, cut=None):
        if not cloud.blobs.is_published(older.upload_id):
            await cloud.run(drop_upload, cloud, older)
        elif credential.grant is None or announced.sha256 == older.sha256 is not None:
            await cloud.run(commit, cloud, older)


def _unfinished(cloud: Cloud, credential: Credential, key: str) -> Upload:
    upload = _find_unfinished(cloud, credential, key)
    if upload is None:
        raise Problem("not-found", "there is no unfinished upload of this name")
    return upload


def _find_unfinished(cloud: Cloud, credential: Credential, key: str) -> Upload | None:
    if credential.is_anyone:
        return None
    upload = find_unfinished(cloud, credential.owner, key)
    grant_id = credential.grant.grant_id if credential.grant else None
    if upload is not None and grant_id is not None and upload.grant_id != grant_id:
        return None
    return upload


def _total_bytes(request: Request) -> int:
    if "content-encoding" in request.headers:
        raise Problem("media-type", "send the bytes themselves, without Content-Encoding")
    length = request.headers.get("content-length")
    if length is None:
        raise Problem(
            "length-needed", "say the size with Content-Length; chunked bodies are not taken"
        )
    if (value := request.headers.get("content-range")) is None:
        return int(length)
    first, last, total = _content_range(value)
    if last - first + 1 != int(length) or last + 1 != total:
        message = f"Content-Range '{value}' and Content-Length {length} do not describe the rest of a file"
        raise Problem("bad-request", message)
    return total


def _range_start(request: Request) -> int | None:
    value = request.headers.get("content-range")
    return None if value is None else _content_range(value)[0]


def _content_range(value: str) -> tuple[int, int, int]:
    if (match := CONTENT_RANGE.fullmatch(value.strip())) is None:
        message = f"Content-Range '{value[:80]}' is not of the form bytes <first>-<last>/<total>"
        raise Problem("bad-request", message)
    return int(match[1]), int(match[2]), int(match[3])


def _checksum(request: Request) -> Checksum | None:
    sha256 = parse_sha256(request.headers.get("content-digest"))
    return None if sha256 is None else Checksum(algorithm="sha256", hex=sha256)
