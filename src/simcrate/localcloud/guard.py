"""The HTTP protocol of the server: uvicorn's, with clocks and bounds that uvicorn does not have.

* Request headers must arrive within 10 s of their first byte (or of the connection) and be short.
* An upload that averages under 1 kB/s over 60 s gets 408.  Downloads may be as slow as they like.
* What a client still sends after its answer is read and dropped for a while, so that the answer is not
  lost in a reset; then the connection is closed.
* What is no HTTP gets a problem document too.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from simcrate.localcloud.connection import SCOPE_KEY
from simcrate.localcloud.problems import Problem

HEADERS_TIMEOUT_S = 10.0
MAX_HEADER_BYTES = 64 << 10
SLOW_WINDOW_S = 60.0
SLOW_BYTES_PER_S = 1000
LINGER_S = 30.0
TCP_NOTSENT_LOWAT = 25  # <linux/tcp.h>; Python names it from 3.12 on
BUFFERS_BYTES = 32 << 20  # of the bodies of all connections
MIN_BUFFER_BYTES = 64 << 10
UNSENT_BYTES = 128 << 10
MAX_BUFFER_BYTES = 512 << 10  # more per turn of a thread saves context switches


def limit_unsent(transport: asyncio.Transport) -> None:
    """Let the kernel take little more than what is on its way.

    A slow client then shows at once, instead of after megabytes in a socket's buffer (tcp(7)).
    """
    connected: socket.socket = transport.get_extra_info("socket")
    if sys.platform == "linux" and connected.family in {socket.AF_INET, socket.AF_INET6}:
        connected.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class _Pieces:
    """A body as it came, joined once, when uvicorn takes `bytes(body)` and begins a new one."""

    __slots__ = ("_pieces", "_size_bytes")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    def append(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)

    def __len__(self) -> int:
        return self._size_bytes

    def __bytes__(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


class GuardedProtocol(HttpToolsProtocol):
    """One client's connection."""

    headers_timeout_s = HEADERS_TIMEOUT_S
    slow_window_s = SLOW_WINDOW_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*args, **kwargs)
        self._clock: asyncio.TimerHandle | None = None
        self._in_headers = False
        self._header_bytes = 0
        self._window_bytes = 0

    @property
    def is_lost(self) -> bool:
        """Whether the client is gone."""
        return self.transport.is_closing()

    def cut(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is here; its headers are awaited."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=1)  # who sends waits for all of it; 0 stops TLS
        limit_unsent(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if not self._in_headers and self._is_idle():
            self._await_headers()
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MAX_HEADER_BYTES:
            self._refuse("headers-too-large", f"headers have at most {MAX_HEADER_BYTES} bytes here")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope[SCOPE_KEY] = self  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        """A request's headers are here; its body is awaited."""
        self._in_headers = False
        self._header_bytes = 0
        self._await_body()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a request's body; reading pauses while the application has enough."""
        self._window_bytes += len(body)
        if self.cycle.response_complete:
            return
        if not self.cycle.body:
            self.cycle.body = cast(bytearray, _Pieces())
        cast(_Pieces, self.cycle.body).append(body)
        share = BUFFERS_BYTES // len(self.connections)
        if len(self.cycle.body) > max(MIN_BUFFER_BYTES, min(share, MAX_BUFFER_BYTES)):
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """A request's body is here."""
        self._stop_clock()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered, perhaps before its body was here."""
        if self.cycle.more_body and not self.transport.is_closing():
            self._start_clock(LINGER_S, self.cut)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse("bad-request", msg)

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or (cycle.response_complete and not cycle.more_body)

    def _await_headers(self) -> None:
        self._in_headers = True
        self._start_clock(self.headers_timeout_s, self._on_late_headers)

    def _await_body(self) -> None:
        self._window_bytes = 0
        self._start_clock(self.slow_window_s, self._on_body_window)

    def _on_late_headers(self) -> None:
        if self._header_bytes == 0:
            self.transport.close()
            return
        message = f"the request's headers took longer than {self.headers_timeout_s:.0f} s"
        self._refuse("too-slow", message)

    def _on_body_window(self) -> None:
        waits_for_us = self.flow.read_paused or self.cycle.response_started
        if not waits_for_us and self._window_bytes < SLOW_BYTES_PER_S * self.slow_window_s:
            message = (
                f"under {SLOW_BYTES_PER_S} bytes/s came in {self.slow_window_s:.0f} s; "
                "what arrived is kept, go on from there"
            )
            self._refuse("too-slow", message)
            return
        self._await_body()

    def _refuse(self, code: str, detail: str) -> None:
        """Answer beside the application and close."""
        if self.transport.is_closing():
            return
        problem = Problem(code, detail)
        document = problem.document()
        head = (
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(document)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + document)
        self.transport.close()

    def _start_clock(self, after_s: float, call: Any) -> None:  # noqa: ANN401
        self._stop_clock()
        self._clock = self.loop.call_later(after_s, call)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
