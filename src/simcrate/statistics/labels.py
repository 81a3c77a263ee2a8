"""What titles, axes and legends of figures say."""

from __future__ import annotations

from collections.abc import Sequence

from simcrate.statistics.points import Point
from simcrate.statistics.rows import Row


def plain_display(row: Row) -> str:
    """The name of a statistic without the recording mode that a title from a model ends with."""
    return row.display.removesuffix(f" ({row.reducer})")


def axis_label(row: Row) -> str:
    """Name and unit of a statistic."""
    return f"{plain_display(row)} in {row.unit}" if row.unit else plain_display(row)


def counted(modules: str, count: int) -> str:
    """A group of modules and how many things it stands for."""
    return f"{modules} × {count}" if count > 1 else modules


def point_label(point: Point, names: Sequence[str]) -> str:
    """The point in a legend: only the variables that make it different from the others (`varying`)."""
    return ", ".join(f"{name}={point.value(name)}" for name in names) or point.label
