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


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database, ready; everything is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="simcrate-postgresql-"))
    if os.geteuid() == ROOT:
        shutil.chown(directory, UNPRIVILEGED)
    data, port = directory / "data", free_port()
    _run("initdb", "-D", data, "-U", "simcrate", "-A", "trust", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k {directory} -c fsync=off"
    _run("pg_ctl", "start", "-w", "-D", data, "-l", directory / "log", "-o", options)
    try:
        yield f"postgresql://simcrate@127.0.0.1:{port}/postgres"
    finally:
        _run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
        shutil.rmtree(directory)


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
