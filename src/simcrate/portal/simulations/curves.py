"""Curves over time on a simulation's page, as SVG that needs no script.

They are drawn from the decimated series of the summary; the figures in the crate are drawn from all of it.
Missing and infinite values are gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simcrate.portal.simulations.summary_table import spelled

MAX_CURVES = 12
COLOURS = 6  # classes line-0 … line-5 of the stylesheet
WIDTH, HEIGHT = 320, 150

Number = float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A median over modules and replications with the band from their 10 % to their 90 % quantile.

    In the coordinates of the drawing.
    """

    label: str
    colour: int
    path: str
    """Of an SVG path; gaps where values are missing."""
    band: str
    """Of an SVG path; empty where there is none, as for a single vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One panel, with the ends of its axes."""

    title: str
    subtitle: str
    """What the curves are recorded by."""
    x_label: str
    y_label: str
    x_ends: tuple[str, str]
    y_ends: tuple[str, str]
    curves: tuple[Curve, ...]

    @property
    def has_band(self) -> bool:
        """Whether any curve has one."""
        return any(curve.band for curve in self.curves)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    left: float
    right: float
    low: float
    high: float

    def at(self, x: float, y: float) -> str:
        across = (x - self.left) / (self.right - self.left or 1)
        up = (y - self.low) / (self.high - self.low or 1)
        return f"{across * WIDTH:.1f} {(1 - up) * HEIGHT:.1f}"


def charts_of(summary: Mapping[str, Any]) -> list[Chart]:
    """The first charts of a summary that have anything to draw."""
    charts = (
        _chart(figure["title"], panel)
        for figure in summary.get("figures", ())
        for panel in figure["series"]
    )
    return [chart for chart in charts if chart is not None][:MAX_CURVES]


def _chart(title: str, panel: Mapping[str, Any]) -> Chart | None:
    lines = panel["lines"][:COLOURS]
    xs = [x for line in lines for x in line["x"] if _is_number(x)]
    ys = [y for line in lines for name in ("y", "low", "high") for y in line[name] if _is_number(y)]
    if not xs or not ys:
        return None
    frame = _Frame(left=min(xs), right=max(xs), low=min(0.0, *ys), high=max(ys))
    return Chart(
        title=title,
        subtitle=panel["title"],
        x_label=panel["x"],
        y_label=panel["y"],
        x_ends=(spelled(frame.left), spelled(frame.right)),
        y_ends=(spelled(frame.low), spelled(frame.high)),
        curves=tuple(_curve(line, number, frame) for number, line in enumerate(lines)),
    )


def _curve(line: Mapping[str, Any], colour: int, frame: _Frame) -> Curve:
    x, low, high = line["x"], line["low"], line["high"]
    return Curve(
        label=line["label"],
        colour=colour,
        path=" ".join(_stroke(part, frame) for part in _parts(x, line["y"])),
        band=" ".join(_band(x, low, high, frame)),
    )


def _parts(x: Sequence[Number], y: Sequence[Number]) -> Iterator[list[tuple[float, float]]]:
    """Stretches without a gap."""
    part: list[tuple[float, float]] = []
    for point in zip(x, y, strict=True):
        if all(map(_is_number, point)):
            part.append(point)  # type: ignore[arg-type]  # both are numbers
        elif part:
            yield part
            part = []
    if part:
        yield part


def _stroke(part: Sequence[tuple[float, float]], frame: _Frame) -> str:
    places = [frame.at(x, y) for x, y in part]
    return f"M{'L'.join(places)}" if len(places) > 1 else f"M{places[0]}h1"


def _band(
    x: Sequence[Number], low: Sequence[Number], high: Sequence[Number], frame: _Frame
) -> Iterator[str]:
    """Between low and high, one closed path for each stretch; nothing without them."""
    if not low or not high:
        return
    known = [all(map(_is_number, pair)) for pair in zip(low, high, strict=True)]
    lows = [value if ok else None for value, ok in zip(low, known, strict=True)]
    highs = [value if ok else None for value, ok in zip(high, known, strict=True)]
    for below, above in zip(_parts(x, lows), _parts(x, highs), strict=True):
        if len(below) > 1:
            yield _stroke([*below, *reversed(above)], frame) + "Z"


def _is_number(value: Number) -> bool:
    return isinstance(value, int | float)
