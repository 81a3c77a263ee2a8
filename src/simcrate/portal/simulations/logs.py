"""The log of a run while it grows: who has seen some of it fetches only what is new."""

from __future__ import annotations

from dataclasses import dataclass

from simcrate.portal.simulations.models import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPiece:
    """The lines after a cursor."""

    lines: tuple[str, ...]
    skipped: int
    """How many lines between the cursor and the first of these are not kept here; the crate has all."""
    cursor: int
    """To ask for what follows; counts lines from the first that was printed."""


def log_after(run: Run, cursor: int) -> LogPiece:
    """What was printed after `cursor`, as far as it is kept; 0 is the beginning."""
    tail = run.log_tail.split("\n") if run.log_lines else []
    first = run.log_lines - len(tail)
    if cursor > run.log_lines:  # it was begun anew, by another worker
        cursor = 0
    return LogPiece(
        lines=tuple(tail[max(0, cursor - first) :]),
        skipped=max(0, first - cursor),
        cursor=run.log_lines,
    )
