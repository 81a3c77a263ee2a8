"""Refuse request bodies above a limit before anything stores them.

Django writes a body to a temporary file before the first of its middlewares sees the request, whoever
sent it; so the limit stands outside of Django.

Source: ASGI specification 3.0, "HTTP & WebSocket ASGI Message Format".
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Too large · SimCrate</title>
<link rel="stylesheet" href="/static/simcrate/portal.css"></head>
<body><main class="narrow"><section class="card"><h1>Too large</h1><p>{detail}</p></section></main></body></html>
"""


class _TooLargeError(Exception):
    """The body has grown above the limit while it came in."""


class BodyLimit:
    """An ASGI application with a limit on request bodies.

    Args:
        application: what answers requests within the limit.
        max_bytes: of a body.
        files_max_bytes: of the files in it, without the form around them; what people are told.
    """

    def __init__(self, application: Application, *, max_bytes: int, files_max_bytes: int) -> None:
        self._application = application
        self._max_bytes = max_bytes
        self._files_max_bytes = files_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 as soon as it is clear that there is too much."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if _declared_bytes(scope) > self._max_bytes:
            await self._refuse(scope, send)
            return
        try:
            await self._application(scope, self._counting(receive), send)
        except _TooLargeError:
            await self._refuse(scope, send)

    def _counting(self, receive: Receive) -> Receive:
        """Count bodies whose length nobody declared."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise _TooLargeError
            return message

        return counted

    async def _refuse(self, scope: Scope, send: Send) -> None:
        detail = (
            f"All files of a submission together may have {self._files_max_bytes / 2**20:.4g} MiB; "
            "this is more, and nothing of it was kept."
        )
        if scope["path"].startswith("/api/"):
            kind, body = "application/problem+json", _problem(detail)
        else:
            kind, body = "text/html; charset=utf-8", PAGE.format(detail=detail)
        content = body.encode()
        headers = {
            "content-type": kind,
            "content-length": str(len(content)),
            "content-security-policy": "default-src 'none'; style-src 'self'",
            "cache-control": "no-store",
            "connection": "close",  # the rest of the body is not read
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 413, "headers": encoded})
        await send({"type": "http.response.body", "body": content})


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _problem(detail: str) -> str:
    return json.dumps(
        {"type": "about:blank", "title": "Too large", "status": 413, "detail": detail}
    )
