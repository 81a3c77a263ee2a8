"""Speed claims as ratios against a peer in the same run; `make bench` prints the table.

One module per claim, each with `run() -> list[Row]`.  Figures depend on the machine; ratios much less.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    claim: str
    """What is claimed, in a line."""

    ours: str
    """Our figure, with its unit."""

    peer: str
    """The peer's name and figure, with its unit."""

    ratio: float
    """How many times better than the peer; 1 = equal."""

    target: float
    """The ratio that is promised."""
