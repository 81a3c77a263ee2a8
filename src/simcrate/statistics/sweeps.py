"""Panels over an iteration variable: means over replications with their intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from simcrate.statistics.labels import axis_label
from simcrate.statistics.panels import MOST_LINES, Line, Sweep
from simcrate.statistics.points import number
from simcrate.statistics.rows import Row

PREFERRED = ("mean", "timeavg", "last", "", "sum", "count", "max", "min")  # recording mode to draw


def preferred(rows: Sequence[Row]) -> list[Row]:
    """Rows of the first one's group of modules, with the recording mode that says most."""
    group = [row for row in rows if row.modules == rows[0].modules]
    best = min((row.reducer for row in group), key=_preference)
    return [row for row in group if row.reducer == best]


def sweep_panel(rows: Sequence[Row], names: Sequence[str]) -> Sweep | None:
    """A statistic over the iteration variable with most values, a line for each choice of the others.

    None when there is no such variable, or no run had a finite value.

    Args:
        rows: of one statistic, one for each point.
        names: the variables in which the points of the study differ (`varying`).
    """
    if not names or len(rows) < 2 or not any(row.estimate.n for row in rows):
        return None
    main = max(names, key=lambda name: len({row.point.value(name) for row in rows}))
    by_line: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        others = (f"{name}={row.point.value(name)}" for name in names if name != main)
        by_line[", ".join(others) or row.modules].append(row)
    texts = tuple(dict.fromkeys(row.point.value(main) for row in rows))
    numbers = [number(text) for text in texts]
    are_numbers = None not in numbers
    places = [n if are_numbers and n is not None else float(i) for i, n in enumerate(numbers)]
    place_of = dict(zip(texts, places, strict=True))
    lines = [_line(label, members, main, place_of) for label, members in by_line.items()]
    return Sweep(
        title=f"{rows[0].modules}: mean and {rows[0].estimate.confidence:.0%} interval",
        x_label=main,
        y_label=axis_label(rows[0]),
        lines=tuple(lines[:MOST_LINES]),
        ticks=() if are_numbers else texts,
    )


def _line(label: str, rows: Sequence[Row], main: str, place_of: Mapping[str, float]) -> Line:
    placed = sorted((place_of[row.point.value(main)], i) for i, row in enumerate(rows))
    estimates = [rows[i].estimate for _, i in placed]
    return Line(
        label=label,
        x=np.array([x for x, _ in placed]),
        y=np.array([estimate.mean for estimate in estimates]),
        low=np.array([estimate.low for estimate in estimates]),
        high=np.array([estimate.high for estimate in estimates]),
    )


def _preference(mode: str) -> int:
    return PREFERRED.index(mode) if mode in PREFERRED else len(PREFERRED)
