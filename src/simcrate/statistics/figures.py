"""Choose what each figure shows.

One figure per statistic: over an iteration variable where there is one, over time where there are vectors (median and
band over modules and replications), and how values are distributed where there are histograms or several modules.
A statistic of which there is only a number or a few has no figure; the table says it better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from simcrate.errors import StatisticsError
from simcrate.results import ResultSet
from simcrate.statistics.buckets import Buckets
from simcrate.statistics.curves import Curves
from simcrate.statistics.distributions import Distributions
from simcrate.statistics.labels import plain_display
from simcrate.statistics.panels import MOST_LINES, Figure, Line, Panel, Series, Sweep
from simcrate.statistics.points import points_of, varying
from simcrate.statistics.summarise import Tabulated
from simcrate.statistics.sweeps import preferred, sweep_panel
from simcrate.statistics.warmup import configured_warmup_s, mser5

MOST_PANELS = 3


class FigurePlan:
    """Every figure that a set of results can fill."""

    def __init__(
        self,
        results: ResultSet,
        tabulated: Sequence[Tabulated],
        vectors: pa.Table,
        buckets: Buckets,
    ) -> None:
        """Sort what is there by statistic.

        Args:
            results: for runs and histograms.
            tabulated: the table of statistics; its order is the order of the figures.
            vectors: the table of vectors.
            buckets: of the samples of these vectors.
        """
        self._points = points_of(results.runs)
        self._varying = varying(self._points)
        self._has_warmup = any(configured_warmup_s(run.config) for run in results.runs)
        self._curves = Curves(results, vectors, buckets)
        self._distributions = Distributions(results)
        self._by_statistic: dict[str, list[Tabulated]] = defaultdict(list)
        for entry in tabulated:
            self._by_statistic[entry.row.statistic].append(entry)

    def statistics(self) -> tuple[str, ...]:
        """Statistics that may have a figure, in the order of the table."""
        return tuple(self._by_statistic)

    def figure(self, statistic: str) -> Figure | None:
        """The figure of a statistic; None when there is nothing that a table would not say better."""
        tabulated = self._by_statistic[statistic]
        first = tabulated[0].row
        sweep = sweep_panel(preferred([entry.row for entry in tabulated]), self._varying)
        distribution = self._distributions.panel(statistic, tabulated)
        ends: list[Panel] = [panel for panel in (sweep, distribution) if panel is not None]
        series = list(self._curves.panels(statistic, first))[: MOST_PANELS - len(ends)]
        panels = [*ends[: sweep is not None], *series, *ends[sweep is not None :]]
        if not panels:
            return None
        return Figure(
            statistic=statistic,
            title=plain_display(first),
            caption=self._caption(tabulated, panels),
            panels=tuple(panels),
        )

    def _caption(self, tabulated: Sequence[Tabulated], panels: Sequence[Panel]) -> str:
        runs = sum({entry.row.point: entry.row.runs for entry in tabulated}.values())
        parts = [f"{runs} run{'s' if runs != 1 else ''}"]
        curves = [panel.lines[0] for panel in panels if isinstance(panel, Series)]
        if any(isinstance(panel, Sweep) for panel in panels):
            parts.append("means over replications with their 95 % intervals (Student's t)")
        if any(curve.low.size for curve in curves):
            parts.append(
                "over time the median over modules and replications, band from 10 % to 90 %"
            )
        if any(curve.minimum.size for curve in curves):
            parts.append("the faint band holds every sample")
        if curves and len(self._points) == 1 and not self._has_warmup:
            parts += _warmup_offer(curves[0])
        if len(self._points) > MOST_LINES:
            parts.append(f"of {len(self._points)} points no more than {MOST_LINES} have a line")
        return "; ".join(parts) + "."


def _warmup_offer(curve: Line) -> Iterator[str]:
    """What MSER-5 would leave out of a curve, where it applies."""
    there = np.flatnonzero(np.isfinite(curve.y))
    first = int(there[0]) if there.size else curve.y.size
    try:
        cut = mser5(curve.y[first:]).samples
    except StatisticsError:  # too short, gaps, or it never settled
        return
    if cut:
        start_s = (curve.x[first + cut - 1] + curve.x[first + cut]) / 2
        yield f"MSER-5 would leave out the first {start_s:.4g} s as warm-up"
