"""The connection that a request came on, as far as handlers may know it.

The server's protocol (`guard.py`) puts itself into the scope; without it (an in-process client) a
request has no connection to close.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from starlette.requests import Request
from starlette.types import Scope

SCOPE_KEY = "simcrate.connection"


class Connection(Protocol):
    """One client's connection."""

    @property
    def is_lost(self) -> bool:
        """Whether the client is gone."""

    def cut(self) -> None:
        """Close it at once."""


def cut_of(request: Request) -> Callable[[], None] | None:
    """What closes the request's connection; None if nothing does."""
    connection = request.scope.get(SCOPE_KEY)
    return None if connection is None else cast(Connection, connection).cut


def is_lost(scope: Scope) -> bool:
    """Whether the client of a request is known to be gone."""
    connection = scope.get(SCOPE_KEY)
    return connection is not None and cast(Connection, connection).is_lost
