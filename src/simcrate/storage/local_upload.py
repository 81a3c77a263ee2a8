"""Bring a crate to a local-cloud server.

A small crate is one `PUT`.  A larger one goes by tus 1.0.0, piece by piece, so that what was
acknowledged is certain and another process can go on from there.  A piece grows or shrinks until it takes
about a second: often enough for a progress bar, seldom enough to cost nothing.  Either way the server compares the SHA-256 that `Repr-Digest` announces (RFC 9530) before there is an object.

The resume value is `{"upload": path of the tus upload, "sha256": of the crate, "offset": bytes}`.

Source: https://tus.io/protocols/resumable-upload (version 1.0.0).
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx

from simcrate.errors import StorageNotFoundError
from simcrate.storage.base import JSON, SaveResume, ShowProgress, Source
from simcrate.storage.local_api import OBJECT, LocalApi, link_path
from simcrate.storage.reading import OpenSource, open_source

FIRST_PIECE_BYTES = 4 << 20  # of one PATCH; what is no larger is one PUT
MIN_PIECE_BYTES = 1 << 20
MAX_PIECE_BYTES = 64 << 20  # below the 100 MB that widespread proxies allow
QUICK_S, SLOW_S = 0.5, 2.0  # a piece that took less is doubled, one that took more is halved
READ_BYTES = 1 << 20
WHAT = "upload the crate"
MEDIA_TYPE = "application/zip"
TUS = {"Tus-Resumable": "1.0.0"}
UPLOAD_PATH = r"/files/[0-9a-zA-Z_-]+"  # never another host: requests carry the secret


def upload(
    api: LocalApi,
    source: Source,
    name: str,
    *,
    resume: JSON,
    save_resume: SaveResume,
    progress: ShowProgress,
) -> dict[str, JSON]:
    """Upload what the server does not have; returns the object as the server describes it."""
    with open_source(source) as crate:
        found = _find(api, source, name)
        if found is None and source.size_bytes <= FIRST_PIECE_BYTES:
            progress(0)
            found = _put(api, crate, name)
        elif found is None:
            found = _Tus(api, crate, save_resume, progress).upload(name, resume)
    progress(source.size_bytes)
    return found


def _find(api: LocalApi, source: Source, name: str) -> dict[str, JSON] | None:
    """The object that an earlier try made; an open server does not tell."""
    if not api.has_secret:
        return None
    answer = api.request(WHAT, "GET", "/objects", params={"prefix": name})
    objects: list[dict[str, JSON]] = api.json(WHAT, answer, "objects")["objects"]
    same = (found for found in objects if (found["key"], found["sha256"]) == (name, source.sha256))
    return next(same, None)


def _put(api: LocalApi, crate: OpenSource, name: str) -> dict[str, JSON]:
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(crate.source.size_bytes),
        "Repr-Digest": _repr_digest(crate.source.sha256),
    }
    body = _checked(crate, crate.source.size_bytes, start=0)
    answer = api.request(WHAT, "PUT", f"/upload/{quote(name)}", headers=headers, content=body)
    return api.json(WHAT, answer, *OBJECT)


class _Tus:
    """One crate's way by tus."""

    def __init__(
        self,
        api: LocalApi,
        crate: OpenSource,
        save_resume: SaveResume,
        progress: ShowProgress,
    ) -> None:
        self._api = api
        self._crate = crate
        self._source = crate.source
        self._save_resume = save_resume
        self._progress = progress

    def upload(self, name: str, resume: JSON) -> dict[str, JSON]:
        """Go on, or begin; until the server has it all."""
        path, offset = self._resumed(resume) or self._begun(name)
        self._note(path, offset)
        piece_bytes = FIRST_PIECE_BYTES
        while offset < self._source.size_bytes:
            began = time.monotonic()
            offset = self._patch(path, offset, piece_bytes)
            piece_bytes = next_piece_bytes(piece_bytes, time.monotonic() - began)
            self._note(path, offset)
        return self._api.json(WHAT, self._api.request(WHAT, "GET", path), *OBJECT)

    def _note(self, path: str, offset: int) -> None:
        self._save_resume({"upload": path, "sha256": self._source.sha256, "offset": offset})
        self._progress(offset)

    def _resumed(self, resume: JSON) -> tuple[str, int] | None:
        """Path and offset of the upload that a resume value names.

        None if it is of other bytes, has expired, or made an object that was removed since.
        """
        if not isinstance(resume, dict) or resume.get("sha256") != self._source.sha256:
            return None
        path = str(resume.get("upload"))
        if re.fullmatch(UPLOAD_PATH, path) is None:
            return None
        try:
            answer = self._api.request(WHAT, "HEAD", path, headers=TUS)
            if (url := answer.headers.get("Cloud-Object-Url")) is not None:  # it is finished
                self._api.request(WHAT, "HEAD", link_path(url))
        except StorageNotFoundError:
            return None
        return path, self._offset(answer)

    def _begun(self, name: str) -> tuple[str, int]:
        metadata = {"filename": name, "filetype": MEDIA_TYPE}
        headers = {
            **TUS,
            "Upload-Length": str(self._source.size_bytes),
            "Upload-Metadata": ",".join(
                f"{key} {_base64(v.encode())}" for key, v in metadata.items()
            ),
            "Repr-Digest": _repr_digest(self._source.sha256),
        }
        answer = self._api.request(WHAT, "POST", "/files", headers=headers)
        return self._api.header(WHAT, answer, "Location", UPLOAD_PATH), 0

    def _patch(self, path: str, offset: int, piece_bytes: int) -> int:
        """Send one piece; the new offset."""
        end = min(offset + piece_bytes, self._source.size_bytes)
        headers = {
            **TUS,
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(end - offset),
            "Upload-Offset": str(offset),
        }
        body = _checked(self._crate, end, start=offset)
        answer = self._api.request(WHAT, "PATCH", path, headers=headers, content=body)
        return self._offset(answer)

    def _offset(self, answer: httpx.Response) -> int:
        return int(self._api.header(WHAT, answer, "Upload-Offset", r"[0-9]+"))


def next_piece_bytes(piece_bytes: int, took_s: float) -> int:
    """The size of the next piece, after one that took so long."""
    if took_s < QUICK_S:
        return min(piece_bytes * 2, MAX_PIECE_BYTES)
    if took_s > SLOW_S:
        return max(piece_bytes // 2, MIN_PIECE_BYTES)
    return piece_bytes


def _checked(crate: OpenSource, end: int, *, start: int) -> Iterator[bytes]:
    """The bytes of a request; a crate that was changed never reaches its end."""
    for piece in crate.pieces(start, end, piece_bytes=READ_BYTES):
        start += len(piece)
        if start == crate.source.size_bytes:
            crate.require_unchanged()
        yield piece


def _repr_digest(sha256: str) -> str:
    return f"sha-256=:{_base64(bytes.fromhex(sha256))}:"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
