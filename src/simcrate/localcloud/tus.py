"""tus 1.0.0 at `/files`: resumable uploads for existing clients.

Creation, creation-with-upload, checksum, expiration and termination; concatenation is in `concat.py`.

Source: https://tus.io/protocols/resumable-upload (version 1.0.0).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simcrate.localcloud.answers import delete_token, describe, object_url
from simcrate.localcloud.auth import Credential, uploader_of
from simcrate.localcloud.clock import http_date
from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.concat import check_part, drop_parts, join, parse_concat
from simcrate.localcloud.connection import cut_of
from simcrate.localcloud.digests import parse_tus_checksum
from simcrate.localcloud.mediatypes import checked_media_type
from simcrate.localcloud.names import checked_key
from simcrate.localcloud.objects import StoredObject, find_object
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.put import announcement
from simcrate.localcloud.uploads import (
    Upload,
    begin_upload,
    drop_upload,
    find_upload,
    finish,
    receive,
)
from simcrate.localcloud.watch import note

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination,concatenation"
ALGORITHMS = "sha256,sha1"
OFFSET_STREAM = "application/offset+octet-stream"
TUS_HEADERS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
NUMBER = re.compile(r"\d{1,18}")
UNNAMED = "upload"


def routes() -> list[Route]:
    """The collection and its members."""
    return [
        Route("/files", options, methods=["OPTIONS"]),
        Route("/files/{upload_id}", options, methods=["OPTIONS"]),
        Route("/files", create, methods=["POST"]),
        Route("/files/{upload_id}", head, methods=["HEAD"]),
        Route("/files/{upload_id}", patch, methods=["PATCH"]),
        Route("/files/{upload_id}", result, methods=["GET"]),
        Route("/files/{upload_id}", terminate, methods=["DELETE"]),
    ]


async def options(request: Request) -> Response:
    """What this server speaks."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ALGORITHMS,
    }
    if (most := cloud_of(request).config.max_file_bytes) is not None:
        headers["Tus-Max-Size"] = str(most)
    return Response(status_code=204, headers=TUS_HEADERS | headers)


async def create(request: Request) -> Response:
    """Begin an upload, perhaps with its first bytes; or join parts."""
    cloud, credential = cloud_of(request), uploader_of(request)
    _require_version(request)
    concat = parse_concat(request.headers.get("upload-concat"))
    metadata = parse_metadata(request.headers.get("upload-metadata", ""))
    key = checked_key(metadata.get("filename", UNNAMED))
    if credential.grant is not None and "upload-concat" in request.headers:
        raise Problem("not-yours", "a grant brings its object in one upload, not in parts")
    size_bytes = concat.size_bytes(cloud, credential.owner) if concat.parts else _length(request)
    announced = replace(
        await announcement(request, credential, key=key, size_bytes=size_bytes),
        media_type=checked_media_type(metadata.get("filetype")),
        metadata=request.headers.get("upload-metadata", ""),
        concat=request.headers.get("upload-concat", "").strip(),
    )
    upload = await cloud.run(begin_upload, cloud, announced)
    headers = {"Location": f"/files/{upload.upload_id}"}
    if concat.parts:
        await cloud.run(join, cloud, upload, concat.parts)
    elif request.headers.get("content-type") == OFFSET_STREAM:
        await _receive(request, upload, offset=0)
    stored = await _finish_if_whole(cloud, upload)
    note(request, "object.stored" if stored else "", stored=stored)
    await cloud.run(drop_parts, cloud, concat.parts)
    return Response(status_code=201, headers=headers | _headers(cloud, upload, stored))


async def head(request: Request) -> Response:
    """Where an upload stands."""
    cloud, upload = cloud_of(request), _mine(request)
    _require_version(request)
    stored = await _finish_if_whole(cloud, upload)
    headers = _headers(cloud, upload, stored) | {"Upload-Length": str(upload.size_bytes)}
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.concat:
        headers["Upload-Concat"] = upload.concat
    return Response(headers=headers)


async def patch(request: Request) -> Response:
    """Take the next bytes."""
    cloud, upload = cloud_of(request), _mine(request)
    _require_version(request)
    if request.headers.get("content-type") != OFFSET_STREAM:
        raise Problem("media-type", f"a PATCH needs Content-Type: {OFFSET_STREAM}")
    if upload.concat and not upload.is_part:
        raise Problem("not-yours", "a joined upload takes no bytes of its own")
    offset = _number(request, "upload-offset")
    if upload.object_id is None:
        await _receive(request, upload, offset=offset)
    elif offset != upload.size_bytes:
        message = f"the upload is finished, at {upload.size_bytes} bytes"
        members = {"expected_offset": upload.size_bytes, "provided_offset": offset}
        raise Problem("wrong-offset", message, members=members)
    stored = await _finish_if_whole(cloud, upload)
    note(request, "object.stored" if stored else "", stored=stored)
    return Response(status_code=204, headers=_headers(cloud, upload, stored))


async def result(request: Request) -> Response:
    """The object that a finished upload became."""
    cloud, upload = cloud_of(request), _mine(request)
    stored = await _finish_if_whole(cloud, upload)
    if stored is None:
        raise Problem("not-finished", "the upload is not finished; HEAD tells where it stands")
    content = describe(cloud, stored) | {"delete_token": delete_token(cloud, stored.object_id)}
    return JSONResponse(content, headers=_headers(cloud, upload, stored))


async def terminate(request: Request) -> Response:
    """Give up an unfinished upload; the object of a finished one stays."""
    cloud, upload = cloud_of(request), _mine(request)
    _require_version(request)
    with cloud.sessions.sending(upload.upload_id, cut=None):
        await cloud.run(drop_upload, cloud, upload)
    return Response(status_code=204, headers=TUS_HEADERS)


def parse_metadata(value: str) -> dict[str, str]:
    """`Upload-Metadata`: names with Base64 values that are UTF-8 text."""
    metadata = {}
    for pair in filter(None, (pair.strip() for pair in value.split(","))):
        name, _, encoded = pair.partition(" ")
        try:
            metadata[name] = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            message = f"Upload-Metadata: the value of '{name[:40]}' is not UTF-8 in Base64"
            raise Problem("bad-request", message) from error
    return metadata


async def _receive(request: Request, upload: Upload, *, offset: int) -> None:
    length = request.headers.get("content-length")
    if length is not None and offset + int(length) > upload.size_bytes:
        message = f"{length} bytes from {offset} on go beyond the {upload.size_bytes} announced"
        raise Problem("too-large", message)
    await receive(
        cloud_of(request),
        upload,
        request.stream(),
        offset=offset,
        checksum=parse_tus_checksum(request.headers.get("upload-checksum")),
        cut=cut_of(request),
    )


async def _finish_if_whole(cloud: Cloud, upload: Upload) -> StoredObject | None:
    if upload.object_id is not None:
        return find_object(cloud.ledger, upload.object_id)
    if cloud.blobs.offset(upload.upload_id) < upload.size_bytes:
        return None
    if upload.is_part:
        await cloud.run(check_part, cloud, upload)
        return None
    return await finish(cloud, upload)


def _headers(cloud: Cloud, upload: Upload, stored: StoredObject | None) -> dict[str, str]:
    headers = TUS_HEADERS | {"Upload-Expires": http_date(upload.expires_at)}
    if stored is None:
        return headers | {"Upload-Offset": str(cloud.blobs.offset(upload.upload_id))}
    return headers | {
        "Upload-Offset": str(upload.size_bytes),
        "Cloud-Object-Location": f"/objects/{stored.object_id}",
        "Cloud-Object-Url": object_url(cloud, stored),
    }


def _mine(request: Request) -> Upload:
    cloud, credential = cloud_of(request), uploader_of(request)
    upload = find_upload(cloud, request.path_params["upload_id"])
    if upload is None or not _may_use(credential, upload):
        raise Problem("not-found", "this credential has no upload with this id")
    if upload.expires_at <= cloud.now() and upload.object_id is None:
        raise Problem("expired", "this upload has expired; begin a new one")
    return upload


def _may_use(credential: Credential, upload: Upload) -> bool:
    if upload.owner != credential.owner:
        return False
    return credential.grant is None or credential.grant.grant_id == upload.grant_id


def _require_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        message = f"send Tus-Resumable: {VERSION}"
        raise Problem("tus-version", message, headers={"Tus-Version": VERSION})


def _length(request: Request) -> int:
    if "upload-length" not in request.headers:
        raise Problem("length-needed", "say the size with Upload-Length; it cannot be deferred")
    return _number(request, "upload-length")


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and NUMBER.fullmatch(text)):
        raise Problem("bad-request", f"{name} '{text[:40]}' is not a whole number")
    return int(text)
