"""A network namespace of its own, whose only way to our servers can be cut and healed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.servers import relay


class Island:
    """What runs here has a loopback of its own, on which the servers of ours seem to listen.

    One relay stands on each side, with UNIX sockets between them.
    """

    def __init__(self, ours: subprocess.Popen[str], theirs: subprocess.Popen[str]) -> None:
        self._ours = psutil.Process(ours.pid)
        self._namespace = f"/proc/{theirs.pid}/ns/net"

    @property
    def prefix(self) -> tuple[str, ...]:
        """Before a command that is to run here."""
        return ("nsenter", f"--net={self._namespace}")

    def cut(self) -> None:
        """No byte arrives, either way; nobody is told."""
        self._ours.suspend()

    def heal(self) -> None:
        """Everything that was sent meanwhile arrives now."""
        self._ours.resume()


def can_have_islands() -> bool:
    """Whether this user may make network namespaces: root may, unless its container forbids."""
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return tried.returncode == 0


_WITH_LOOPBACK = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""Runs a command where loopback is still down, as it is in a new namespace."""


@contextmanager
def island(directory: Path, ports: Sequence[int]) -> Iterator[Island]:
    """One that reaches these loopback ports of ours, under the same numbers."""
    sockets = {port: directory / f"{port}.socket" for port in ports}
    ours = [f"unix:{path}=tcp:{port}" for port, path in sockets.items()]
    theirs = [f"tcp:{port}=unix:{path}" for port, path in sockets.items()]
    with (
        _relay("unshare", "--net", *_WITH_LOOPBACK, routes=theirs) as there,
        _relay(routes=ours) as here,
    ):
        yield Island(here, there)


_WITH_LOOPBACK = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh")


@contextmanager
def _relay(*prefix: str, routes: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    command = [*prefix, sys.executable, str(relay.__file__), *routes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == relay.READY
            yield process
        finally:
            process.kill()
