"""A Redis of one's own, from Debian's package; a Valkey where there is no Redis."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis as client

from tests.servers.ports import free_port

PROGRAMS = ("redis-server", "valkey-server")
READY_WITHIN_S = 20.0


class RedisServer:
    """One server on one port, which can be killed and started again, empty."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As in `SIMCRATE_REDIS_URL`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> client.Redis:
        """A connection of one's own."""
        return client.Redis.from_url(self.url)

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
        self._process = subprocess.Popen(
            [_program(), "--port", str(self.port), "--dir", str(self._directory), *options],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                with self.client() as connection:
                    connection.ping()
            except client.ConnectionError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """As `kill -9` does; everything that it held is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def _program() -> str:
    """The first that there is; when there is none, `Popen` says which one is missing."""
    return next(filter(shutil.which, PROGRAMS), PROGRAMS[0])


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A server that is ready; everything is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="simcrate-redis-"))
    server = RedisServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)
