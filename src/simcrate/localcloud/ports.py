"""Which resources a port serves: everything, uploads only, downloads only, or metrics only.

The server has one application on several sockets; a request's own port decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from starlette.types import ASGIApp, Receive, Scope, Send

from simcrate.localcloud.problems import Problem

HEALTH = {"/healthz", "/readyz"}
OWNERS = ("/upload/", "/files", "/objects", "/grants", "/reservations", "/space")


class Role(Enum):
    """What a port is for."""

    BOTH = "both"
    OWNERS = "owners"
    """Uploads and what owners do."""
    LINKS = "links"
    """Downloads."""
    METRICS = "metrics"

    def serves(self, path: str) -> bool:
        """Whether a path is served here."""
        if path in HEALTH:
            return True
        if path == "/metrics":
            return self is Role.METRICS
        if self is Role.METRICS:
            return False
        return self is Role.BOTH or (self is Role.OWNERS) == path.startswith(OWNERS)


class Ports:
    """ASGI middleware: what a port does not serve is not there."""

    def __init__(self, app: ASGIApp, roles: Mapping[int, Role]) -> None:
        self._app = app
        self._roles = roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what the request's port serves."""
        if scope["type"] == "http":
            _, port = scope.get("server") or ("", 0)
            if not self._roles.get(port, Role.BOTH).serves(scope["path"]):
                problem = Problem("not-found", "this port does not serve that")
                await problem.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)
