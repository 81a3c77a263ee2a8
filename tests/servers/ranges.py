"""A web server for one file that answers ranges, counts what it sends, and can misbehave."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(slots=True)
class RangeServer:
    """What it does, changeable while it runs, and what it did."""

    file: Path
    url: str = ""
    etag: str = '"1"'
    cuts: range = range(0)
    """Numbers, from 1, of the requests whose connection breaks in the middle of the body."""

    forgets_ranges_after: int = 1_000_000
    """After so many requests it sends the whole file whatever is asked for."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    """First and last byte of every answer."""


@contextmanager
def serving_ranges(file: Path) -> Iterator[RangeServer]:
    """Serve a file at any path but `/redirect` (which leads there) and `/gone`."""
    state = RangeServer(file=file)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, state)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}/crate.zip"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _answer(request: BaseHTTPRequestHandler, state: RangeServer) -> None:
    if request.path == "/redirect":
        request.send_response(302)
        request.send_header("Location", state.url)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
    if request.path == "/gone" or asked is None:
        request.send_error(410 if asked else 400)
        return
    data = state.file.read_bytes()
    first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
    state.ranges.append((first, last))
    body = data[first : last + 1]
    status = 206
    if len(state.ranges) > state.forgets_ranges_after:
        body, status = data, 200
    request.send_response(status)
    request.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
    request.send_header("Content-Length", str(len(body)))
    request.send_header("ETag", state.etag)
    request.end_headers()
    if len(state.ranges) in state.cuts:
        body = body[: len(body) // 2]
        request.close_connection = True
    with suppress(ConnectionError):  # whoever asked went away
        request.wfile.write(body)
