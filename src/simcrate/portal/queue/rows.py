"""Reaching the database from a worker's threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

from simcrate.errors import PortError


@contextmanager
def reaching_rows() -> Iterator[None]:
    """Turn a database that cannot be reached into `PortError`.

    A thread keeps its connection for as long as it works; one that has broken is replaced.
    """
    if not connection.in_atomic_block:
        _drop_broken_connection()
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        message = "the portal's database cannot be reached"
        raise PortError(message, detail=str(error)) from error


def leave_rows() -> None:
    """Close the connection of this thread, which needs it no more."""
    connection.close()


def _drop_broken_connection() -> None:
    if connection.connection is not None and not connection.is_usable():
        connection.close()
