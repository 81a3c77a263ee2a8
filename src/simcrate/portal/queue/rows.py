"""Reaching the database from a worker's threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from simcrate.errors import PortError


@contextmanager
def reaching_rows() -> Iterator[None]:
    """Turn a database that cannot be reached into `PortError`, and start over with a new connection."""
    if not connection.in_atomic_block:
        close_old_connections()
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        message = "the portal's database cannot be reached"
        raise PortError(message, detail=str(error)) from error
