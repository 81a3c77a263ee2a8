"""*Look inside*: the tree of a zip, its report and figures, and single members, without unpacking it.

    /inside/<link>/              a page; ?in=<directory>/ shows that directory
    /inside/<link>/<member>      one member

Members come from strangers: they are served in a sandbox (no scripts, no forms, an origin of their own)
and reach nothing but each other.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simcrate.localcloud.answers import inside_url, object_url
from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.connection import is_lost
from simcrate.localcloud.downloads import linked_object, nothing_here
from simcrate.localcloud.insidepage import PAGE_POLICY, InsidePage
from simcrate.localcloud.names import content_disposition
from simcrate.localcloud.objects import StoredObject
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.pump import pump
from simcrate.localcloud.ranges import Span
from simcrate.localcloud.rawpaths import raw_rest
from simcrate.localcloud.watch import note
from simcrate.localcloud.zipindex import (
    GZIP_HEADER,
    Member,
    gzip_trailer,
    packed_span,
    read_index,
    unpack,
)

PREFIX = b"/inside/"
MEMBER_POLICY = (
    "sandbox; default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; frame-ancestors 'self'"
)
COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "private, no-cache",
}
SHOWN_AS_TEXT = {
    *(".csv", ".ini", ".ned", ".json", ".jsonld", ".log", ".md", ".txt", ".xml", ".toml", ".yaml"),
    *(".sca", ".vec", ".vci", ".anf", ".elog"),
}
SHOWN = {".html", ".css", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf"}


def routes() -> list[Route]:
    """The page and its members."""
    path = raw_rest("/inside/{link_token}/", "member")
    return [Route(path, look_inside, methods=["GET", "HEAD"])]


async def look_inside(request: Request) -> Response:
    """The page, or a member."""
    cloud, stored = cloud_of(request), await linked_object(request)
    if inside_url(cloud, stored) is None or stored.max_downloads is not None:
        message = "only zips whose downloads are not counted can be looked into"
        raise Problem("not-readable", message)
    path = cloud.blobs.blob_path(stored.blob)
    index = await cloud.run(read_index, path)
    name = _member_name(request)
    if not name:
        return await cloud.run(_page, request, stored, index)
    if (member := index.get(name)) is None:
        raise nothing_here()
    note(request, "member.fetched", stored=stored)
    return MemberResponse(cloud, path, member, accepts_gzip=_accepts_gzip(request))


class MemberResponse(Response):
    """One member: as it is packed, as gzip, or unpacked on the way."""

    def __init__(self, cloud: Cloud, path: Path, member: Member, *, accepts_gzip: bool) -> None:
        self._cloud = cloud
        self._path = path
        self._member = member
        self._as_gzip = member.is_deflated and accepts_gzip
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers(self._member_headers())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send headers and bytes."""
        with self._path.open("rb", buffering=0) as file:
            span = await self._cloud.run(packed_span, file.fileno(), self._member)
            start = {"type": "http.response.start", "status": self.status_code}
            await send(start | {"headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._send_bytes(file.fileno(), span, scope, send)
        await send({"type": "http.response.body", "body": b""})

    async def _send_bytes(self, descriptor: int, span: Span, scope: Scope, send: Send) -> None:
        if self._member.is_deflated and not self._as_gzip:
            await self._send_unpacked(unpack(descriptor, self._member, span), scope, send)
            return
        if self._as_gzip:
            await _send_part(send, GZIP_HEADER)
        async for _ in pump(self._cloud, descriptor, span, send):
            if is_lost(scope):
                return
        if self._as_gzip:
            await _send_part(send, gzip_trailer(self._member))

    async def _send_unpacked(self, pieces: Iterator[bytes], scope: Scope, send: Send) -> None:
        while (piece := await self._cloud.run(next, pieces, None)) is not None:
            await _send_part(send, piece)
            if is_lost(scope):
                return

    def _member_headers(self) -> dict[str, str]:
        suffix = PurePosixPath(self._member.name).suffix.lower()
        shown = suffix in SHOWN | SHOWN_AS_TEXT
        filename = PurePosixPath(self._member.name).name or "member"
        headers = {
            **COMMON_HEADERS,
            "Content-Security-Policy": MEMBER_POLICY,
            "Content-Type": media_type_of(suffix),
            "Content-Disposition": content_disposition(
                filename, kind="inline" if shown else "attachment"
            ),
            "Vary": "Accept-Encoding",
        }
        size_bytes = self._member.size_bytes
        if self._as_gzip:
            headers["Content-Encoding"] = "gzip"
            size_bytes = (
                self._member.packed_bytes + len(GZIP_HEADER) + len(gzip_trailer(self._member))
            )
        return headers | {"Content-Length": str(size_bytes)}


def media_type_of(suffix: str) -> str:
    """What a member is served as, by the ending of its name."""
    if suffix in SHOWN_AS_TEXT:
        return "text/plain; charset=utf-8"
    if suffix not in SHOWN:
        return "application/octet-stream"
    guessed = mimetypes.types_map[suffix]
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def _page(request: Request, stored: StoredObject, index: dict[str, Member]) -> Response:
    page = InsidePage(
        stored=stored,
        url=object_url(cloud_of(request), stored),
        index=index,
        directory=request.query_params.get("in", ""),
    )
    headers = COMMON_HEADERS | {"Content-Security-Policy": PAGE_POLICY}
    return HTMLResponse(page.render(), headers=headers)


def _member_name(request: Request) -> str:
    raw = bytes(request.scope["raw_path"]).partition(PREFIX)[2].partition(b"/")[2]
    return unquote_to_bytes(raw).decode(errors="replace")


def _accepts_gzip(request: Request) -> bool:
    codings = request.headers.get("accept-encoding", "").lower().split(",")
    return any(coding.strip() == "gzip" for coding in codings)


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
