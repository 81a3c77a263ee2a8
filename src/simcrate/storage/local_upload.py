"""Bring a crate to a local-cloud server.

One `PUT` sends the whole file, or the rest of it after a break: the server keeps what arrived and tells
the offset.  It compares the SHA-256 that `Repr-Digest` announces (RFC 9530) before there is an object.

The resume value is `{"sha256": …}`: which bytes the server's unfinished upload of this name is made of.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

from simcrate.errors import StorageNotFoundError
from simcrate.storage.base import JSON, SaveResume, ShowProgress, Source
from simcrate.storage.local_api import LocalApi
from simcrate.storage.reading import OpenSource, open_source

PIECE_BYTES = 1 << 18
WHAT = "upload the crate"


def upload(
    api: LocalApi,
    source: Source,
    name: str,
    *,
    resume: JSON,
    save_resume: SaveResume,
    progress: ShowProgress,
) -> dict[str, JSON]:
    """Upload what the server does not have; the object as the server describes it."""
    with open_source(source) as crate:
        if (found := _find(api, source, name)) is not None:
            progress(source.size_bytes)
            return found
        offset = _offset(api, source, name) if _is_ours(resume, source) else 0
        save_resume({"sha256": source.sha256})
        try:
            return _put(api, crate, name, offset, progress)
        except StorageNotFoundError:
            if offset == 0:
                raise
            return _put(api, crate, name, 0, progress)  # the unfinished upload has expired


def _find(api: LocalApi, source: Source, name: str) -> dict[str, JSON] | None:
    """The object that an earlier try made; a server without secrets does not tell."""
    if not api.has_secret:
        return None
    answer = api.request(WHAT, "GET", "/objects", params={"prefix": name})
    for found in api.json(WHAT, answer)["objects"]:
        if (found["key"], found["sha256"]) == (name, source.sha256):
            assert isinstance(found, dict)
            return found
    return None


def _is_ours(resume: JSON, source: Source) -> bool:
    return isinstance(resume, dict) and resume.get("sha256") == source.sha256


def _offset(api: LocalApi, source: Source, name: str) -> int:
    """How much of an unfinished upload the server has."""
    try:
        answer = api.request(WHAT, "HEAD", _path(name))
    except StorageNotFoundError:
        return 0
    if int(answer.headers.get("Upload-Length", -1)) != source.size_bytes:
        return 0
    return int(answer.headers["Upload-Offset"])


def _put(
    api: LocalApi, crate: OpenSource, name: str, offset: int, progress: ShowProgress
) -> dict[str, JSON]:
    size_bytes = crate.source.size_bytes
    headers = {
        "Content-Type": "application/zip",
        "Content-Length": str(size_bytes - offset),
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(crate.source.sha256)).decode()}:",
    }
    if offset:
        headers["Content-Range"] = f"bytes {offset}-{size_bytes - 1}/{size_bytes}"
    body = _pieces(crate, offset, progress)
    answer = api.request(WHAT, "PUT", _path(name), headers=headers, content=body)
    stored = api.json(WHAT, answer)
    progress(size_bytes)
    return stored


def _pieces(crate: OpenSource, offset: int, progress: ShowProgress) -> Iterator[bytes]:
    size_bytes, sent_bytes = crate.source.size_bytes, offset
    for piece in crate.pieces(offset, size_bytes, piece_bytes=PIECE_BYTES):
        if sent_bytes + len(piece) == size_bytes:
            crate.require_unchanged()
        progress(sent_bytes)
        yield piece
        sent_bytes += len(piece)


def _path(name: str) -> str:
    return f"/upload/{quote(name)}"
