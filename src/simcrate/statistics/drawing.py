"""Draw figures: SVG for pages, PNG for slides, PDF for papers.

Uses matplotlib's Agg, SVG and PDF canvases directly, without pyplot and its global list of figures.  The same numbers
give the same bytes.  SVG texts are outlines and PDF texts embed their font as TrueType, so that a figure looks the
same on every machine.
"""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simcrate.statistics.panels import Bars, Ecdf, Figure, Line, Panel, Series, Sweep

if TYPE_CHECKING:  # importing matplotlib takes most of a second, and summaries need none
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PANEL_INCHES = (3.5, 2.5)
LEGEND_INCHES = 1.55
LEFT_INCHES, RIGHT_INCHES = 0.8, 0.12
DOTS_PER_INCH = 144
# Okabe and Ito's colours, told apart by everybody: blue, vermilion, green, purple, orange, sky, grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#606060")
SPARSE = 0.5  # share of gaps from which on a line is drawn as dots
STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8a8f98",
    "axes.formatter.limits": (-4, 7),
    "axes.formatter.useoffset": False,
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
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "text.parse_math": False,  # names from models may hold dollar signs
    "xtick.bottom": False,  # the grid says where ticks are
    "xtick.color": "#30343b",
    "xtick.labelsize": 7.5,
    "ytick.color": "#30343b",
    "ytick.labelsize": 7.5,
    "ytick.left": False,
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
        OSError: a file cannot be written; its `errno` says why, which image libraries would not.
    """
    import matplotlib as mpl

    settings: Any = {**STYLE, "svg.hashsalt": figure.statistic}
    # The salt makes ids of one figure's SVG the same every time and different from those of others.
    with _settings, mpl.rc_context(settings):
        canvas = _compose(figure)
        paths = [stem.with_name(f"{stem.name}.{kind}") for kind in formats]
        for kind, path in zip(formats, paths, strict=True):
            options: dict[str, Any] = dict(_OPTIONS[kind])
            drawn = BytesIO()
            canvas.savefig(drawn, format=kind, dpi=DOTS_PER_INCH, **options)
            path.write_bytes(drawn.getbuffer())
    return paths


def _compose(figure: Figure) -> Canvas:
    """Panels side by side, and one legend for all of them at the right."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D

    labels = _legend(figure)
    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}
    count, (width, height) = len(figure.panels), PANEL_INCHES
    total = width * count + (LEGEND_INCHES if labels else 0.0)
    canvas = Canvas(figsize=(total, height))
    inner = width - LEFT_INCHES - RIGHT_INCHES
    for i, panel in enumerate(figure.panels):
        # Given places: the automatic layouts draw everything twice.
        place = ((i * width + LEFT_INCHES) / total, 0.185, inner / total, 0.69)
        _draw_panel(canvas.add_axes(place), panel, colours)
    if labels:
        handles = [Line2D([], [], color=colours[label], lw=2) for label in labels]
        texts = [_short(label, 30) for label in labels]
        canvas.legend(
            handles,
            texts,
            loc="upper left",
            bbox_to_anchor=(width * count / total, 0.9),
            handlelength=1.0,
            borderaxespad=0,
        )
    return canvas


def _legend(figure: Figure) -> list[str]:
    """Labels of lines that need telling apart, each once."""
    return list(
        dict.fromkeys(
            line.label for panel in figure.panels if len(panel.lines) > 1 for line in panel.lines
        )
    )


def _draw_panel(axes: Axes, panel: Panel, colours: dict[str, str]) -> None:
    axes.set_title(_short(panel.title, 48))
    axes.set_xlabel(_short(panel.x_label, 48))
    axes.set_ylabel(_short(panel.y_label, 40))
    axes.xaxis.set_label_coords(0.5, -0.14)
    axes.yaxis.set_label_coords(-0.24, 0.5)
    axes.locator_params(axis="x", nbins=4)  # seven digits side by side
    axes.locator_params(axis="y", nbins=5)
    axes.margins(x=0.02)
    for line in panel.lines:
        colour = colours.get(line.label, COLOURS[0])
        match panel:
            case Series():
                _draw_series(axes, line, colour)
            case Sweep():
                _draw_sweep(axes, line, colour, connected=not panel.ticks)
            case Bars():
                axes.stairs(line.y, line.x, color=colour, fill=True, alpha=0.85)
            case Ecdf():
                axes.step(line.x, line.y, where="post", color=colour, lw=1.2)
                axes.set_ylim(0, 1.03)
    if isinstance(panel, Sweep) and panel.ticks:
        _name_ticks(axes, panel.ticks)


def _draw_series(axes: Axes, line: Line, colour: str) -> None:
    if line.minimum.size:
        axes.fill_between(line.x, line.minimum, line.maximum, color=colour, alpha=0.12, lw=0)
    if line.low.size:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.28, lw=0)
    there = np.isfinite(line.y)
    if there.mean() < SPARSE:
        axes.plot(line.x[there], line.y[there], ".", color=colour, ms=3)
    else:
        axes.plot(line.x, line.y, color=colour, lw=1.2)


def _draw_sweep(axes: Axes, line: Line, colour: str, *, connected: bool) -> None:
    if connected:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, lw=0)
    axes.errorbar(
        line.x,
        line.y,
        yerr=np.vstack((line.y - line.low, line.high - line.y)),
        fmt="o-" if connected else "o",
        color=colour,
        lw=1.2,
        ms=3.5,
        capsize=2.5,
        elinewidth=0.9,
    )


def _name_ticks(axes: Axes, names: tuple[str, ...]) -> None:
    texts = [_short(name, 14) for name in names]
    slanted = sum(len(text) for text in texts) > 36
    axes.set_xticks(range(len(texts)), texts)
    axes.set_xlim(-0.5, len(texts) - 0.5)
    if slanted:
        axes.tick_params(axis="x", labelrotation=12, labelsize=6)
        axes.xaxis.set_label_coords(0.5, -0.18)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
