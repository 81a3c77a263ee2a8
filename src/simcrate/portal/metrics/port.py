"""`/metrics` on a port of its own: whoever reaches the portal's pages does not reach it.

No request to that port gets to Django, and none to another port gets here.

Source: ASGI specification 3.0, "HTTP & WebSocket ASGI Message Format".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from simcrate.errors import PortError
from simcrate.openmetrics import CONTENT_TYPE
from simcrate.portal.body_limit import Application, Receive, Scope, Send
from simcrate.portal.metrics.standing import read_standing
from simcrate.portal.metrics.text import metrics_page
from simcrate.portal.queue.rows import leave_rows, reaching_rows

log = logging.getLogger(__name__)

PLAIN = "text/plain; charset=utf-8"


def read_page() -> str:
    """The page as of now, in a thread that is done with the database then.

    Raises:
        PortError: the database cannot be reached.
    """
    try:
        with reaching_rows():
            return metrics_page(read_standing())
    finally:
        leave_rows()


class MetricsPort:
    """ASGI middleware: what comes to one port is answered here, everything else is passed on.

    Args:
        application: what answers on all other ports.
        port: where metrics are served.
        read: makes the page; called in a thread, raises `PortError` while it cannot.
    """

    def __init__(
        self, application: Application, port: int, *, read: Callable[[], str] = read_page
    ) -> None:
        self._application = application
        self._port = port
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell by the socket that a request came to, which no header can claim."""
        _, port = scope.get("server") or ("", None)
        if port != self._port:
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, *await self._page(scope))

    async def _page(self, scope: Scope) -> tuple[int, str, str]:
        if (scope["method"], scope["path"]) != ("GET", "/metrics"):
            return 404, PLAIN, "There is only GET /metrics here.\n"
        try:
            return 200, CONTENT_TYPE, await asyncio.to_thread(self._read)
        except PortError as error:
            log.warning("database.not_reached", extra=error.facts)
            return 503, PLAIN, f"{error}\n"


async def _answer(send: Send, status: int, content_type: str, text: str) -> None:
    body = text.encode()
    headers = {"content-type": content_type, "content-length": str(len(body))}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
