"""The socket that `simcrate web` serves `/metrics` on."""

from __future__ import annotations

import socket

from simcrate.errors import BadInputError


def listen_for_metrics(host: str, port: int, *, portal_port: int) -> socket.socket:
    """Listen, before anything is served.

    Args:
        host: an address of this machine.
        port: of metrics alone: a request is told by the port that it came to.
        portal_port: where the pages are.

    Raises:
        BadInputError: there is no such address, or the port is taken.
    """
    try:
        if port == portal_port:
            raise OSError("the portal's pages are there")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = (
            f"could not serve metrics on {host} port {port}: {error.strerror or error}; "
            "give SIMCRATE_METRICS_ADDRESS an address of this machine and a port that is free"
        )
        raise BadInputError(message) from error
