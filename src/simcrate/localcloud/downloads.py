"""`GET /<link>/<file name>`: an object's bytes, whole or by ranges, to whoever has the link."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simcrate.localcloud.answers import object_headers
from simcrate.localcloud.clock import http_date
from simcrate.localcloud.cloud import Cloud, cloud_of
from simcrate.localcloud.connection import is_lost
from simcrate.localcloud.gate import gate_of
from simcrate.localcloud.names import content_disposition
from simcrate.localcloud.objects import StoredObject, find_linked
from simcrate.localcloud.problems import Problem
from simcrate.localcloud.pump import pump
from simcrate.localcloud.ranges import Span, parse_range
from simcrate.localcloud.watch import note

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}

log = logging.getLogger(__name__)


def routes() -> list[Route]:
    """The public links."""
    return [Route("/{link_token}/{filename}", download, methods=["GET", "HEAD"])]


async def download(request: Request) -> Response:
    """An object's bytes."""
    cloud = cloud_of(request)
    stored = await linked_object(request)
    if request.path_params["filename"] != stored.filename:
        raise nothing_here()
    note(request, "object.fetched" if request.method == "GET" else "", stored=stored)
    headers = download_headers(stored)
    if _not_modified(request, stored):
        return Response(status_code=304, headers=headers)
    spans = _wanted(request, stored)
    if spans == []:
        content_range = {"Content-Range": f"bytes */{stored.size_bytes}"}
        message = f"the content has {stored.size_bytes} bytes"
        raise Problem("range", message, headers=content_range)
    return SpanResponse(cloud, stored, spans, headers=headers)


async def linked_object(request: Request) -> StoredObject:
    """The object behind the link of a request, if it may be fetched.

    Raises:
        Problem: `not-found`, `expired`, `removed`, `password-needed`, `too-many`, `bytes-missing`.
    """
    cloud = cloud_of(request)
    stored = find_linked(cloud.ledger, request.path_params["link_token"])
    if stored is None:
        raise nothing_here()
    if stored.removed_why == "expired" or stored.is_expired(cloud.now()):
        raise Problem("expired", "this link has expired; ask its sender to store it again")
    if stored.removed_at is not None:
        raise Problem("removed", "what this link led to was removed by its owner")
    await gate_of(request).require(cloud, stored, request)
    note(request, stored=stored)
    require_bytes(cloud, stored)
    return stored


def require_bytes(cloud: Cloud, stored: StoredObject) -> None:
    """Refuse a living object whose bytes are not there: the ledger or the blobs were put back.

    Raises:
        Problem: `bytes-missing`.
    """
    if not cloud.blobs.is_whole(stored.blob, stored.size_bytes):
        log.error("object.blob_missing", extra={"object_id": stored.object_id})
        message = "the server does not have these bytes any more; their sender can store them again"
        raise Problem("bytes-missing", message)


def nothing_here() -> Problem:
    """The one answer to every wrong link."""
    return Problem("not-found", "no such link; check that it was copied whole")


def download_headers(stored: StoredObject) -> dict[str, str]:
    """Headers of every answer with an object's bytes."""
    return {
        **object_headers(stored),
        **SAFE_HEADERS,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(stored.filename),
        "Content-Type": stored.media_type,
        "Last-Modified": http_date(stored.created_at),
    }


class SpanResponse(Response):
    """Spans of one blob: the whole (200), one (206), or several as `multipart/byteranges`."""

    def __init__(
        self,
        cloud: Cloud,
        stored: StoredObject,
        spans: Sequence[Span] | None,
        *,
        headers: dict[str, str],
    ) -> None:
        self._cloud = cloud
        self._stored = stored
        self._pieces = _pieces(stored, spans, headers)
        length = sum(piece.size_bytes for piece in self._pieces)
        self._size_bytes = sum(
            piece.size_bytes for piece in self._pieces if isinstance(piece, Span)
        )
        self._counted_bytes = 0
        headers["Content-Length"] = str(length)
        self.status_code = 200 if spans is None else 206
        self.background = None
        self.body = b""
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send headers and bytes."""
        if scope["method"] == "HEAD" or self._stored.max_downloads is None:
            await self._send(scope, send)
            return
        counter = self._cloud.downloads
        counter.begin(self._stored, self._size_bytes)
        try:
            await self._send(scope, send)
        finally:
            await self._cloud.run(counter.enter, self._stored)
            counter.end(self._stored, self._size_bytes - self._counted_bytes)

    async def _send(self, scope: Scope, send: Send) -> None:
        path = self._cloud.blobs.blob_path(self._stored.blob)
        with path.open("rb", buffering=0) as file:
            start = {"type": "http.response.start", "status": self.status_code}
            await send(start | {"headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._send_pieces(file.fileno(), scope, send)
        await send({"type": "http.response.body", "body": b""})

    async def _send_pieces(self, descriptor: int, scope: Scope, send: Send) -> None:
        if not self._stored.size_bytes:
            self._count(Span(0, 0))  # a whole download, though no byte tells
        for piece in self._pieces:
            if isinstance(piece, _Text):
                await send({"type": "http.response.body", "body": piece.text, "more_body": True})
                continue
            async for span in pump(self._cloud, descriptor, piece, send):
                self._count(span)
                if is_lost(scope):
                    return

    def _count(self, span: Span) -> None:
        """Bytes are about to be sent."""
        if self._stored.max_downloads is not None:
            self._cloud.downloads.add(self._stored, span)
            self._counted_bytes += span.size_bytes


@dataclass(frozen=True, slots=True)
class _Text:
    """What stands between two parts."""

    text: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.text)


def _pieces(
    stored: StoredObject, spans: Sequence[Span] | None, headers: dict[str, str]
) -> list[Span | _Text]:
    """What is sent, in order; completes the headers."""
    if spans is None:
        return [Span(0, stored.size_bytes)] if stored.size_bytes else []
    if len(spans) == 1:
        headers["Content-Range"] = spans[0].content_range(stored.size_bytes)
        return list(spans)
    boundary = secrets.token_hex(16)
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    pieces: list[Span | _Text] = []
    for span in spans:
        head = (
            f"--{boundary}\r\nContent-Type: {stored.media_type}\r\n"
            f"Content-Range: {span.content_range(stored.size_bytes)}\r\n\r\n"
        )
        pieces += [_Text(head.encode("latin-1")), span, _Text(b"\r\n")]
    return [*pieces, _Text(f"--{boundary}--\r\n".encode())]


def _not_modified(request: Request, stored: StoredObject) -> bool:
    value = request.headers.get("if-none-match")
    if value is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in value.split(",")}
    return stored.etag in tags or "*" in tags


def _wanted(request: Request, stored: StoredObject) -> list[Span] | None:
    """The spans to send; None: the whole.  Ranges mean something for GET only (RFC 9110)."""
    if request.method != "GET":
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() not in {
        stored.etag,
        http_date(stored.created_at),
    }:
        return None
    return parse_range(request.headers.get("range"), stored.size_bytes)
