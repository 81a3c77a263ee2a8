"""Whatever is logged while a piece of work is done says which: lines of all modules join by these fields.

Libraries know of no claim and log what they know; a filter of the handler adds the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_fields: ContextVar[Mapping[str, object] | None] = ContextVar("fields", default=None)


@contextmanager
def lines_about(
    kind: str, claim_id: str, simulation_id: UUID, run_number: int | None = None
) -> Iterator[None]:
    """What this thread logs inside is about that work.

    Args:
        kind: of the work: run, finish or delivery.
        claim_id: of the claim on it.
        simulation_id: as its page shows it.
        run_number: as the page of the simulation shows it; None: the work is not one run.
    """
    run = {} if run_number is None else {"run": run_number}
    fields = {"kind": kind, "claim": claim_id, "simulation": str(simulation_id), **run}
    token = _fields.set(fields)
    try:
        yield
    finally:
        _fields.reset(token)


class JoiningFilter(logging.Filter):
    """Adds `kind`, `claim`, `simulation` and `run`, each unless the line has its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        for name, value in (_fields.get() or {}).items():
            vars(record).setdefault(name, value)
        return True
