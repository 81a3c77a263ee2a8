"""Histograms as simulators record them, and their sum.

Bins are closed on the left and open on the right: [edge k, edge k+1).  Values may be fractional, as weighted
histograms have them.

Source: definition 9 of docs/explanation/numbers.md; OMNeT++ Simulation Manual, "Result File Formats".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcrate.errors import StatisticsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts (or weights) of values by bin."""

    edges: NDArray[np.float64]
    """(m + 1,), rising, finite."""

    counts: NDArray[np.float64]
    """(m,)"""

    underflow: float = 0.0
    """Count below the first edge."""

    overflow: float = 0.0
    """Count at or above the last edge."""

    def __post_init__(self) -> None:
        """Refuse what is not a histogram."""
        if self.edges.size != self.counts.size + 1:
            message = f"a histogram of {self.counts.size} bins needs {self.counts.size + 1} edges, not {self.edges.size}"
            raise StatisticsError(message)
        if np.any(np.diff(self.edges) <= 0) or not np.all(np.isfinite(self.edges)):
            message = "the edges of a histogram must be finite and rise"
            raise StatisticsError(message)

    @property
    def total(self) -> float:
        """Everything that was counted, flows included."""
        return float(self.counts.sum()) + self.underflow + self.overflow

    @property
    def density(self) -> NDArray[np.float64]:
        """(m,) share of the total per unit of the value; NaN when nothing was counted."""
        if not self.total:
            return np.full(self.counts.size, np.nan)
        return self.counts / (self.total * np.diff(self.edges))

    @property
    def shares(self) -> NDArray[np.float64]:
        """(m + 1,) share of the total below each edge; NaN when nothing was counted."""
        if not self.total:
            return np.full(self.edges.size, np.nan)
        below = self.underflow + np.concatenate(([0.0], np.cumsum(self.counts)))
        shares: NDArray[np.float64] = below / self.total
        return shares


def merge_histograms(histograms: Sequence[Histogram]) -> Histogram:
    """The sum of histograms with equal edges.

    Raises:
        StatisticsError: there are none, or edges differ; bins are never split, since that would invent where
            inside a bin its values lay.

    Source: definition 9 of docs/explanation/numbers.md.
    """
    if not histograms:
        message = "could not merge histograms: there are none"
        raise StatisticsError(message)
    first = histograms[0]
    for i, other in enumerate(histograms[1:], start=2):
        if not np.array_equal(first.edges, other.edges):
            message = (
                f"could not merge histograms: number {i} has other edges than the first; "
                "fix the range and the number of bins in the model to compare runs"
            )
            raise StatisticsError(message)
    return Histogram(
        edges=first.edges,
        counts=np.sum([h.counts for h in histograms], axis=0),
        underflow=sum(h.underflow for h in histograms),
        overflow=sum(h.overflow for h in histograms),
    )
