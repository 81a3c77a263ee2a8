"""Draw figures: SVG for pages, PNG for slides, PDF for papers.

Uses matplotlib's Agg, SVG and PDF canvases directly, without pyplot and its global list of figures.  The same numbers
give the same bytes.  SVG texts are outlines and PDF texts embed their font as TrueType, so that a figure looks the
same on every machine.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simcrate.statistics.panels import Bars, Ecdf, Figure, Line, Panel, Series, Sweep

if TYPE_CHECKING:  # importing matplotlib takes most of a second, and summaries need none
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PANEL_INCHES = (3.6, 2.5)
DOTS_PER_INCH = 144
# Okabe and Ito's colours, told apart by everybody: blue, vermilion, green, purple, orange, sky, black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#404040")
LONGEST_LABEL = 34
STYLE: dict[str, Any] = {
    "axes.edgecolor": "#8a8f98",
    "axes.grid": True,
    "axes.labelcolor": "#30343b",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": "#30343b",
    "axes.titlelocation": "left",
    "axes.titlesize": 8.5,
    "axes.titley": 1.0,  # a given place; looking for one lays every axis out once more
    "axes.formatter.limits": (-4, 5),
    "axes.formatter.useoffset": False,
    "axes.axisbelow": True,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "legend.edgecolor": "none",
    "legend.fontsize": 6.5,
    "legend.framealpha": 0.75,
    "path.simplify": True,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "text.parse_math": False,
    "xtick.color": "#30343b",
    "xtick.labelsize": 7.5,
    "ytick.color": "#30343b",
    "ytick.labelsize": 7.5,
}
# No dates and no program versions; fast compression, since a crate is packed anyway.
_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "png": {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 4}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
_settings = threading.Lock()  # matplotlib's settings belong to the process


def draw_figure(
    figure: Figure, stem: Path, *, formats: tuple[str, ...] = ("svg", "png")
) -> list[Path]:
    """Draw a figure into `stem` + `.svg`, `.png` or `.pdf`, and return these paths.

    Raises:
        OSError: a file cannot be written.
    """
    import matplotlib as mpl

    settings: Any = {**STYLE, "svg.hashsalt": figure.statistic}
    # The salt makes ids of one figure's SVG the same every time and different from those of others.
    with _settings, mpl.rc_context(settings):
        canvas = _compose(figure)
        paths = [stem.with_name(f"{stem.name}.{kind}") for kind in formats]
        for kind, path in zip(formats, paths, strict=True):
            options: dict[str, Any] = dict(_OPTIONS[kind])
            canvas.savefig(path, format=kind, dpi=DOTS_PER_INCH, **options)
    return paths


def _compose(figure: Figure) -> Canvas:
    from matplotlib.figure import Figure as Canvas

    width, height = PANEL_INCHES
    count = len(figure.panels)
    canvas = Canvas(figsize=(width * count, height))
    # Fixed margins: the automatic layouts draw everything twice.
    canvas.subplots_adjust(
        left=0.75 / (width * count),
        right=1 - 0.12 / (width * count),
        top=0.88,
        bottom=0.18,
        wspace=0.32,
    )
    axes = canvas.subplots(1, count, squeeze=False)[0]
    for place, panel in zip(axes, figure.panels, strict=True):
        _draw_panel(place, panel)
    return canvas


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(_short(panel.title, 52))
    axes.set_xlabel(_short(panel.x_label, 52))
    axes.set_ylabel(_short(panel.y_label, 40))
    for i, line in enumerate(panel.lines):
        colour = COLOURS[i % len(COLOURS)]
        match panel:
            case Series():
                _draw_series(axes, line, colour)
            case Sweep():
                _draw_sweep(axes, line, colour)
            case Bars():
                axes.stairs(
                    line.y,
                    line.x,
                    color=colour,
                    fill=len(panel.lines) == 1,
                    alpha=0.85,
                    label=_short(line.label),
                )
            case Ecdf():
                axes.step(
                    line.x, line.y, where="post", color=colour, lw=1.2, label=_short(line.label)
                )
                axes.set_ylim(0, 1.02)
    if isinstance(panel, Sweep) and panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), [_short(text, 12) for text in panel.ticks])
    if len(panel.lines) > 1:
        axes.legend(loc="upper right", handlelength=1.2, labelspacing=0.25)
    axes.margins(x=0.02)


def _draw_series(axes: Axes, line: Line, colour: str) -> None:
    if line.minimum.size:
        axes.fill_between(line.x, line.minimum, line.maximum, color=colour, alpha=0.12, lw=0)
    if line.low.size:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.28, lw=0)
    # A value between two gaps would be a line of no length.
    alone = np.isfinite(line.y) & ~np.isfinite(np.append(np.nan, line.y[:-1]))
    alone &= ~np.isfinite(np.append(line.y[1:], np.nan))
    axes.plot(line.x, line.y, color=colour, lw=1.2, label=_short(line.label))
    axes.plot(line.x[alone], line.y[alone], ".", color=colour, ms=3)


def _draw_sweep(axes: Axes, line: Line, colour: str) -> None:
    axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, lw=0)
    error = np.vstack((line.y - line.low, line.high - line.y))
    axes.errorbar(
        line.x,
        line.y,
        yerr=error,
        fmt="o-",
        color=colour,
        lw=1.2,
        ms=3,
        capsize=2,
        elinewidth=0.8,
        label=_short(line.label),
    )


def _short(text: str, length: int = LONGEST_LABEL) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
