"""Which runs are repetitions of each other: the points of a parameter study.

Source: definition 12 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simcrate.results import Run

CONFIGURATION = (
    "configuration"  # what points of several configurations vary in, as if it were a variable
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One configuration with one choice of its iteration variables; its runs differ only in their seeds."""

    config_name: str
    itervars: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """`n=10, rate=0.2s`; the configuration where there are no iteration variables."""
        values = [f"{name}={plain_value(value)}" for name, value in self.itervars]
        return ", ".join(values) or self.config_name

    def value(self, itervar: str) -> str:
        """The value of an iteration variable, without NED quotes; empty when there is none of that name."""
        own = {CONFIGURATION: self.config_name}
        return plain_value({**own, **dict(self.itervars)}.get(itervar, ""))


def point_of(run: Run) -> Point:
    """The point that a run belongs to."""
    return Point(config_name=run.config_name, itervars=tuple(run.itervars.items()))


def points_of(runs: Iterable[Run]) -> tuple[Point, ...]:
    """All points, in the order of their first runs."""
    return tuple(dict.fromkeys(point_of(run) for run in runs))


def varying(points: Sequence[Point]) -> tuple[str, ...]:
    """The iteration variables that take more than one value, and `CONFIGURATION` where there are several."""
    names = dict.fromkeys(name for point in points for name, _ in point.itervars)
    names[CONFIGURATION] = None
    return tuple(name for name in names if len({point.value(name) for point in points}) > 1)


def plain_value(text: str) -> str:
    """The value of an iteration variable for people: a NED string without its quotes."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def number(text: str) -> float | None:
    """The number at the beginning of a value such as `0.2s`; None when it begins with something else."""
    match = _NUMBER.match(text.strip())
    return float(match.group()) if match else None
