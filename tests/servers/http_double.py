"""A threaded HTTP server on loopback whose answers are computed, with faults on request.

It reads whole request bodies, speaks HTTP/1.1 with kept connections, logs every request line, and can break
at any of them: answer something else before or after the work was done, reset the connection before, in
the middle of or after the body.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

READ_BYTES = 256 * 1024
BURST_S = 0.1  # bandwidth that can be saved up, as in the token bucket of a traffic shaper


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes | bytearray

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


Moment = Literal["before", "mid-body", "after", "never"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Break one request: before its work, in the middle of its body, or after its work was done.

    `never`: nothing is answered, and the connection stays open until the client gives up.
    """

    moment: Moment
    reply: Reply | None = None
    """What is answered instead; None: the connection is reset."""


@dataclass(slots=True)
class _Planned:
    fault: Fault
    words: str = ""
    skip: int = 0
    times: int = 1


class Faults:
    """Which requests break."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._at: dict[int, Fault] = {}
        self.count = 0
        """Requests so far."""
        self.hits = 0
        """Faults that happened."""

    def at(self, index: int, fault: Fault) -> None:
        """Break the request with that index, counted from now and from 0."""
        with self._lock:
            self._at[self.count + index] = fault

    def on(self, words: str, fault: Fault, *, skip: int = 0, times: int = 1) -> None:
        """Break requests whose line ("POST /path") contains the words."""
        with self._lock:
            self._planned.append(_Planned(fault, words, skip, times))

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()
            self._at.clear()

    def take(self, line: str) -> Fault | None:
        with self._lock:
            index, self.count = self.count, self.count + 1
            found = self._at.pop(index, None) or self._matching(line)
            self.hits += found is not None
            return found

    def _matching(self, line: str) -> Fault | None:
        for planned in self._planned:
            if planned.words in line and planned.times:
                if planned.skip:
                    planned.skip -= 1
                    continue
                planned.times -= 1
                return planned.fault
        return None


class Throttle:
    """A provider far away: each request takes a while, all bodies together share a bandwidth."""

    def __init__(self, *, delay_s: float = 0.0, bytes_per_s: float = float("inf")) -> None:
        self._delay_s = delay_s
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0
        self._lock = threading.Lock()

    def request(self) -> None:
        if self._delay_s:
            time.sleep(self._delay_s)

    def received(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(now - BURST_S, self._free_at) + count / self._bytes_per_s
            wait_s = self._free_at - now
        if wait_s > 0:
            time.sleep(wait_s)


@dataclass
class HttpDouble:
    """Serves `handle` in a thread; a context manager."""

    handle: Callable[[Request], Reply]
    faults: Faults = field(default_factory=Faults)
    throttle: Throttle = field(default_factory=Throttle)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.seen: list[str] = []
        """Request lines."""
        self.crashes: list[str] = []
        """Tracebacks of the double itself: mistakes in a test's support."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        if self.tls:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def __enter__(self) -> HttpDouble:
        self._thread.start()  # the socket listens already: whoever connects is served
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()
        assert not self.crashes, "\n".join(self.crashes)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    double: HttpDouble

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._reset: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's types
        self._open.add(request)
        super().process_request(request, client_address)

    def reset(self, connection: socket.socket) -> None:
        """Let the close of this connection be a reset."""
        linger_0 = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
        self._reset.add(connection)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's types
        self._open.discard(request)
        if request in self._reset:
            self._reset.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it went first

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's types
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.double.crashes.append(traceback.format_exc())


class _CutError(OSError):
    """The client went away in the middle of a body, or a fault says so."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def do(self) -> None:
        double = self.server.double
        line = f"{self.command} {unquote(urlsplit(self.path).path)}"
        double.seen.append(line)
        fault = double.faults.take(line)
        double.throttle.request()
        if fault is None:
            self._answer(double.handle(self._request(self._body())))
        else:
            self._break(fault)

    def _break(self, fault: Fault) -> None:
        if fault.moment == "before" and fault.reply is None:
            self._reset()
            return
        body = self._body(only_half=fault.moment == "mid-body")
        if fault.moment == "never":
            self.rfile.read(1)  # returns when the client hangs up
        elif fault.moment == "after":
            self.server.double.handle(self._request(body))
        if fault.reply is None:
            self._reset()
        else:
            self._answer(fault.reply)

    def _request(self, body: bytes | bytearray) -> Request:
        url = urlsplit(self.path)
        return Request(
            method=self.command,
            path=unquote(url.path),
            query={k: v[-1] for k, v in parse_qs(url.query, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        pass

    def _body(self, *, only_half: bool = False) -> bytes | bytearray:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return self._chunked_body()
        length = int(self.headers.get("Content-Length") or 0)
        body = bytearray(length // 2 if only_half else length)
        view, received = memoryview(body), 0
        while received < len(view):
            count = self.rfile.readinto1(view[received : received + READ_BYTES])
            if not count:
                raise _CutError
            received += count
            self.server.double.throttle.received(count)
        return body

    def _chunked_body(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def _reset(self) -> None:
        self.close_connection = True
        self.server.reset(self.connection)

    def _answer(self, reply: Reply) -> None:
        self.send_response_only(reply.status, reply.reason)
        if "Date" not in dict(reply.headers):
            self.send_header("Date", self.date_time_string())
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
