"""A wire that is cut: a TCP relay whose first connection ends after so many bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class CutWire:
    """A running relay."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    """What clients sent, a piece each."""


@contextmanager
def cut_wire(to_port: int, *, after_bytes: int) -> Iterator[CutWire]:
    """Relay a loopback port; the first connection's answer is cut off after `after_bytes`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = CutWire(listener.getsockname()[1])
        threading.Thread(
            target=_accept, args=(listener, wire, to_port, after_bytes), daemon=True
        ).start()
        yield wire


def _accept(listener: socket.socket, wire: CutWire, to_port: int, after_bytes: int) -> None:
    limit = after_bytes
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the relay is closed
            return
        server = socket.create_connection(("127.0.0.1", to_port))
        for arguments in ((client, server, 0, wire.requests), (server, client, limit, None)):
            threading.Thread(target=_relay, args=arguments, daemon=True).start()
        limit = 0


def _relay(
    source: socket.socket, target: socket.socket, limit: int, seen: list[bytes] | None
) -> None:
    """Copy until the end, or until the limit; 0 means none."""
    total = 0
    with suppress(OSError):  # the other side was cut
        while chunk := source.recv(CHUNK_BYTES):
            if seen is not None:
                seen.append(chunk)
            target.sendall(chunk)
            total += len(chunk)
            if limit and total > limit:
                break
    for side in (source, target):
        with suppress(OSError):  # it may be closed already
            side.shutdown(socket.SHUT_RDWR)
        side.close()
