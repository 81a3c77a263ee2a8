"""What is in a figure, as numbers: nothing of colours or files.

A figure shows one statistic in one to three panels: over an iteration variable, over time, and how it is distributed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from simcrate.statistics.samples import Floats

NOTHING = np.empty(0)
MOST_LINES = 7  # of a panel: one for each colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a panel, with what lies around it."""

    label: str
    x: Floats
    """(n,)"""

    y: Floats
    """(n,) NaN: a gap."""

    low: Floats = field(default_factory=lambda: NOTHING)
    """(n,) lower end of the band: over time a quantile, over a variable the confidence limit; empty without one."""

    high: Floats = field(default_factory=lambda: NOTHING)
    """(n,) upper end of the band, likewise."""

    minimum: Floats = field(default_factory=lambda: NOTHING)
    """(n,) smallest sample; empty where nobody looked."""

    maximum: Floats = field(default_factory=lambda: NOTHING)
    """(n,) largest sample; empty where nobody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A statistic over simulated time: median and band of vectors."""

    title: str
    y_label: str
    lines: tuple[Line, ...]
    x_label: str = "simulated time in s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A statistic over an iteration variable: means and confidence intervals."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    ticks: tuple[str, ...] = ()
    """Texts at x = 0, 1, ... where the variable is no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A histogram: each line's x are edges (m + 1,), its y densities (m,)."""

    title: str
    x_label: str
    lines: tuple[Line, ...]
    y_label: str = "density"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecdf:
    """The share of values at or below x: each line's x is sorted, its y rises to 1."""

    title: str
    x_label: str
    lines: tuple[Line, ...]
    y_label: str = "share of values ≤ x"


Panel = Series | Sweep | Bars | Ecdf


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: a statistic."""

    statistic: str
    """As recorded, without recording mode."""

    title: str
    caption: str
    """What is shown, of how many runs and modules."""

    panels: tuple[Panel, ...]

    def rows(self) -> Iterator[tuple[str, str, str, float, float, float, float, float, float]]:
        """Every number that is drawn: kind, panel, line, x, y, low, high, minimum, maximum; NaN: not there."""
        for panel in self.panels:
            kind = type(panel).__name__.lower()
            for line in panel.lines:
                columns = [_padded(c, line.x.size) for c in (line.y, line.low, line.high)]
                columns += [_padded(c, line.x.size) for c in (line.minimum, line.maximum)]
                for i, x in enumerate(line.x):
                    y, low, high, minimum, maximum = (float(column[i]) for column in columns)
                    yield kind, panel.title, line.label, float(x), y, low, high, minimum, maximum


def ecdf(label: str, values: Floats) -> Line:
    """The empirical distribution function of finite values.

    Source: definition 8 of docs/explanation/numbers.md.
    """
    ordered = np.sort(values[np.isfinite(values)])
    return Line(label=label, x=ordered, y=np.arange(1, ordered.size + 1) / max(1, ordered.size))


def _padded(column: Floats, size: int) -> Floats:
    return np.concatenate((column, np.full(size - column.size, np.nan)))
