"""A PostgreSQL of one's own, from Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port

ROOT = 0
UNPRIVILEGED = "postgres"  # root may not run it; the package makes this user


class PostgreSQL:
    """One server on one port, which can be restarted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "data"
        self.port = free_port()
        _run("initdb", "-D", self._data, "-U", "simcrate", "-A", "trust", "--no-sync")

    @property
    def url(self) -> str:
        """As in `SIMCRATE_DATABASE_URL`: of an empty database."""
        return f"postgresql://simcrate@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self._directory} -c fsync=off"
        log = self._directory / "log"
        _run("pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", options)

    def stop(self) -> None:
        """End it at once, as a crash does."""
        _run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._data)


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """A server that is ready; everything is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="simcrate-postgresql-"))
    if os.geteuid() == ROOT:
        shutil.chown(directory, UNPRIVILEGED)
    server = PostgreSQL(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database, ready; everything is gone afterwards."""
    with postgresql_server() as server:
        yield server.url


def _run(program: str, *arguments: str | Path) -> None:
    command = [str(_directory() / program), *map(str, arguments)]
    if os.geteuid() == ROOT:
        command = [
            "setpriv",
            f"--reuid={UNPRIVILEGED}",
            f"--regid={UNPRIVILEGED}",
            "--clear-groups",
            *command,
        ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _directory() -> Path:
    """Debian keeps the server's programs out of PATH, one directory a version."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"))
