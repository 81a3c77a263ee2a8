"""A web server for one directory, on a free port of loopback; it lists nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    def list_directory(self, path: object) -> None:
        self.send_error(404)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Stay silent."""

    def log_error(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a directory; yields its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
