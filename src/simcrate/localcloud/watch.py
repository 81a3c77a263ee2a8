"""Around every request: rate limits before it, counters and the audit log after it.

Handlers say what a request was about with `note`; the rest is seen from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.objects import StoredObject
from simcrate.localcloud.problems import Problem

NOTE_KEY = "simcrate.note"
FAILURES = {401, 404}  # guesses of secrets, passwords and links
QUIET = {"/healthz", "/readyz", "/metrics"}


@dataclass(slots=True, kw_only=True)
class Note:
    """What a request was about."""

    event: str = ""
    """`object.stored` and the like; empty: not worth a line of the audit log unless refused."""
    owner: str | None = None
    stored: StoredObject | None = None
    status: int = 0
    in_bytes: int = 0
    out_bytes: int = 0


def note(
    request: Request,
    event: str = "",
    *,
    owner: str | None = None,
    stored: StoredObject | None = None,
) -> None:
    """Say what a request is about."""
    kept = request.scope.get(NOTE_KEY)
    if not isinstance(kept, Note):
        return
    kept.event = event or kept.event
    kept.owner = owner or kept.owner
    kept.stored = stored or kept.stored


class Watch:
    """ASGI middleware."""

    def __init__(
        self, app: ASGIApp, cloud: Cloud, known_token: Callable[[Cloud, Scope], str | None]
    ) -> None:
        self._app = app
        self._cloud = cloud
        self._known_token = known_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; then write down what it was."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kept = scope[NOTE_KEY] = Note()
        address = scope["client"][0] if scope.get("client") else ""

        async def counting_receive() -> Message:
            message = await receive()
            kept.in_bytes += len(message.get("body", b""))
            return message

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept.status = message["status"]
            kept.out_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._admit(scope, address)
        except Problem as problem:
            await problem.response()(scope, receive, counting_send)
        else:
            await self._app(scope, counting_receive, counting_send)
        self._write_down(scope, kept, address)

    async def _admit(self, scope: Scope, address: str) -> None:
        token = self._known_token(self._cloud, scope)
        if token is None:
            self._cloud.failures.require(address)
        # what anybody can make up must not give them a rate of their own
        client = address if token is None else hashlib.sha256(token.encode()).hexdigest()
        self._cloud.requests.require(client)
        self._cloud.requests.take(client)

    def _write_down(self, scope: Scope, kept: Note, address: str) -> None:
        cloud = self._cloud
        cloud.counters.count_request(scope["method"], kept.status)
        cloud.counters.count_bytes("in", kept.in_bytes)
        cloud.counters.count_bytes("out", kept.out_bytes)
        guessed = kept.status in FAILURES and kept.owner is None
        if guessed:
            cloud.failures.take(address)
        refused = kept.status >= 400
        if scope["path"] in QUIET or not (kept.event or refused):
            return
        cloud.audit.record(
            kept.event if not refused else "request.refused",
            stored=kept.stored,
            owner=kept.owner if kept.owner or kept.stored is None else kept.stored.owner,
            address=address,
            method=scope["method"],
            path=None if kept.stored else scope["path"][:300],
            status=kept.status,
            received=kept.in_bytes or None,
            sent=kept.out_bytes or None,
        )
