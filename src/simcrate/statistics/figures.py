"""Choose what each figure shows, from rows, vectors and histograms.

One figure per statistic: over an iteration variable where there is one, over time where there are vectors (median and
band over modules and replications), and how values are distributed where there are histograms or several modules.
A statistic of which there is only a number or a few has no figure; the table says it better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import numpy as np
import pyarrow as pa

from simcrate.errors import StatisticsError
from simcrate.results import ResultSet
from simcrate.statistics.buckets import Buckets
from simcrate.statistics.histograms import Histogram, merge_histograms
from simcrate.statistics.naming import module_group, split_name
from simcrate.statistics.panels import Bars, Ecdf, Figure, Line, Panel, Series, Sweep, ecdf
from simcrate.statistics.points import Point, number, point_of, points_of, varying
from simcrate.statistics.quantiles import column_quantiles
from simcrate.statistics.rows import Row
from simcrate.statistics.samples import Floats
from simcrate.statistics.summarise import Tabulated
from simcrate.statistics.warmup import configured_warmup_s, mser5

MOST_PANELS = 3
MOST_LINES = 7  # one for each colour
COARSE = 4  # buckets joined where lines of several points lie over each other
FEWEST_FOR_ECDF = 5  # values; fewer are better read in the table
BAND = (0.1, 0.5, 0.9)  # quantiles over vectors
PREFERRED = ("mean", "timeavg", "last", "", "sum", "count", "max", "min")  # recording mode to draw


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
        self._point_of_run = {run.id: point_of(run) for run in results.runs}
        self._by_statistic: dict[str, list[Tabulated]] = defaultdict(list)
        for entry in tabulated:
            self._by_statistic[entry.row.statistic].append(entry)
        self._buckets = buckets
        self._has_warmup = any(configured_warmup_s(run.config) for run in results.runs)
        self._vectors = _vector_groups(vectors)
        self._vector_runs = vectors["run"].to_pylist()
        self._histograms = _histogram_groups(results.histograms())

    def statistics(self) -> tuple[str, ...]:
        """Statistics that may have a figure, in the order of the table."""
        return tuple(self._by_statistic)

    def figure(self, statistic: str) -> Figure | None:
        """The figure of a statistic; None when there is nothing that a table would not say better."""
        tabulated = self._by_statistic[statistic]
        first = tabulated[0].row
        panels: list[Panel] = []
        panels += self._sweep(tabulated)
        distribution = self._distribution(statistic, tabulated)
        room = MOST_PANELS - len(panels) - len(distribution)
        panels += list(self._series(statistic, first))[:room]
        panels += distribution
        if not panels:
            return None
        return Figure(
            statistic=statistic,
            title=_without_mode(first),
            caption=self._caption(tabulated, panels),
            panels=tuple(panels),
        )

    def _sweep(self, tabulated: Sequence[Tabulated]) -> list[Panel]:
        names = varying(self._points)
        rows = _preferred([t.row for t in tabulated])
        if not names or len(rows) < 2:
            return []
        main = max(
            names, key=lambda name: (len({p.value(name) for p in self._points}), -names.index(name))
        )
        others = [name for name in names if name != main]
        by_line: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            label = ", ".join(f"{name}={row.point.value(name)}" for name in others)
            by_line[label or row.modules].append(row)
        texts = list(dict.fromkeys(row.point.value(main) for row in rows))
        positions = _positions(texts)
        return [
            Sweep(
                title=f"{rows[0].modules}: mean and {rows[0].estimate.confidence:.0%} interval",
                x_label=main,
                y_label=_axis(rows[0]),
                lines=tuple(
                    _sweep_line(label, line, main, positions)
                    for label, line in list(by_line.items())[:MOST_LINES]
                ),
                ticks=() if all(number(text) is not None for text in texts) else tuple(texts),
            )
        ]

    def _series(self, statistic: str, first: Row) -> Iterator[Panel]:
        for modules, positions in self._vectors.get(statistic, {}).items():
            by_point: dict[Point, list[int]] = defaultdict(list)
            for position in positions:
                by_point[self._point_of_run[self._vector_runs[position]]].append(position)
            if len(by_point) == 1:
                lines = [self._band(modules, positions)]
            else:
                lines = [
                    self._median(self._label(point), members)
                    for point, members in list(by_point.items())[:MOST_LINES]
                ]
            if any(np.isfinite(line.y).any() for line in lines):
                yield Series(
                    title=_counted(modules, len(positions)),
                    y_label=_axis(first),
                    lines=tuple(lines),
                )

    def _label(self, point: Point) -> str:
        """The point in a legend: only what makes it different from the others."""
        names = varying(self._points)
        parts = [f"{name}={point.value(name)}" for name in names]
        if len({other.config_name for other in self._points}) > 1:
            parts.insert(0, point.config_name)
        return ", ".join(parts) or point.label

    def _median(self, label: str, members: list[int]) -> Line:
        """The median alone, in fewer buckets: one of several lines."""
        table = self._buckets.table(np.array(members))
        y = column_quantiles(table, [0.5])[0]
        x = self._buckets.centres_s
        whole = x.size // COARSE * COARSE
        return Line(
            label=label,
            x=x[:whole].reshape(-1, COARSE).mean(axis=1),
            y=column_quantiles(y[:whole].reshape(-1, COARSE).T, [0.5])[0],
        )

    def _band(self, label: str, members: list[int]) -> Line:
        x = self._buckets.centres_s
        bounds = [self._buckets.bounds(i) for i in members]
        minimum, maximum = (
            _fold(np.fmin, [b[0] for b in bounds]),
            _fold(np.fmax, [b[1] for b in bounds]),
        )
        if len(members) == 1:
            y = self._buckets.typical(members[0])
            return Line(label=label, x=x, y=y, minimum=minimum, maximum=maximum)
        low, y, high = column_quantiles(self._buckets.table(np.array(members)), BAND)
        return Line(label=label, x=x, y=y, low=low, high=high, minimum=minimum, maximum=maximum)

    def _distribution(self, statistic: str, tabulated: Sequence[Tabulated]) -> list[Panel]:
        histograms = self._histograms.get(statistic)
        if histograms:
            return [self._bars(histograms, tabulated[0].row)]
        rows = {id(row) for row in _preferred([t.row for t in reversed(tabulated)])}
        chosen = [t for t in tabulated if id(t.row) in rows and t.row.source == "scalar"]
        lines = [
            ecdf(self._label(t.row.point), t.values)
            for t in chosen
            if np.isfinite(t.values).sum() >= FEWEST_FOR_ECDF and t.row.minimum < t.row.maximum
        ]
        if not lines:
            return []
        row = chosen[0].row
        title = f"{_counted(row.modules, row.values)}, at the end"
        return [Ecdf(title=title, x_label=_axis(row), lines=tuple(lines[:MOST_LINES]))]

    def _bars(self, histograms: Sequence[tuple[str, str, Histogram]], row: Row) -> Panel:
        """The histogram of the outermost modules; where bins differ, what each says of shares at or below x."""
        outer = min((modules for _, modules, _ in histograms), key=lambda m: (m.count("."), m))
        by_point: dict[Point, list[Histogram]] = defaultdict(list)
        for run, modules, histogram in histograms:
            if modules == outer:
                by_point[self._point_of_run[run]].append(histogram)
        merged = {self._label(point): _merged(members) for point, members in by_point.items()}
        title = _counted(outer, sum(len(members) for members in by_point.values()))
        if [len(members) for members in merged.values()] == [1]:
            label, (histogram,) = merged.popitem()
            line = Line(label=label, x=histogram.edges, y=histogram.density)
            return Bars(title=title, x_label=_axis(row), lines=(line,))
        # The first of every point, then the second of each: every point is seen.
        turns = zip_longest(*([(label, h) for h in members] for label, members in merged.items()))
        chosen = [pair for turn in turns for pair in turn if pair is not None][:MOST_LINES]
        lines = tuple(Line(label=label, x=h.edges, y=h.shares) for label, h in chosen)
        return Ecdf(title=title, x_label=_axis(row), lines=lines)

    def _warmup_offer(self, panels: Sequence[Panel]) -> Iterator[str]:
        """What MSER-5 would leave out of the first curve, where no run has a warm-up and it applies."""
        curves = [panel.lines[0] for panel in panels if isinstance(panel, Series)]
        if not curves or self._has_warmup or len(self._points) > 1:
            return
        curve = _known(curves[0])
        try:
            cut = mser5(curve.y).samples
        except StatisticsError:  # it does not apply: too short, gaps, or never settled
            return
        if cut:
            yield f"MSER-5 would leave out the first {curve.x[cut] - self._buckets.width_s / 2:.4g} s as warm-up"

    def _caption(self, tabulated: Sequence[Tabulated], panels: Sequence[Panel]) -> str:
        runs = sum({t.row.point: t.row.runs for t in tabulated}.values())
        parts = [f"{runs} run{'s' if runs != 1 else ''}"]
        if any(isinstance(panel, Sweep) for panel in panels):
            parts.append(
                "means over replications with their 95 % confidence intervals (Student's t)"
            )
        if any(isinstance(panel, Series) and panel.lines[0].low.size for panel in panels):
            parts.append(
                "over time the median over modules and replications, the band from the 10 % to the 90 % quantile"
            )
        if any(isinstance(panel, Series) and panel.lines[0].minimum.size for panel in panels):
            parts.append("the faint band holds every sample")
        parts += self._warmup_offer(panels)
        if len(self._points) > MOST_LINES:
            parts.append(
                f"the first {MOST_LINES} of {len(self._points)} points where lines stand for points"
            )
        return "; ".join(parts) + "."


def _known(line: Line) -> Line:
    """The line from its first value on."""
    there = np.flatnonzero(np.isfinite(line.y))
    first = int(there[0]) if there.size else line.y.size
    return Line(label=line.label, x=line.x[first:], y=line.y[first:])


def _vector_groups(vectors: pa.Table) -> dict[str, dict[str, list[int]]]:
    """Positions of vectors with samples, by statistic and group of modules, the outer modules first."""
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    columns = (vectors[name].to_pylist() for name in ("name", "module", "count"))
    for position, (name, module, count) in enumerate(zip(*columns, strict=True)):
        if count:
            groups[split_name(name)[0]][module_group(module)].append(position)
    return {
        statistic: dict(sorted(by_module.items(), key=lambda item: (item[0].count("."), item[0])))
        for statistic, by_module in groups.items()
    }


def _histogram_groups(table: pa.Table) -> dict[str, list[tuple[str, str, Histogram]]]:
    """Run, group of modules and histogram, by statistic; those that counted nothing are left out."""
    groups: dict[str, list[tuple[str, str, Histogram]]] = defaultdict(list)
    for item in table.to_pylist():
        edges, counts = np.array(item["edges"] or []), np.array(item["values"] or [])
        if counts.size and edges.size == counts.size + 1 and np.isfinite(edges).all():
            histogram = Histogram(
                edges=edges,
                counts=counts,
                underflow=item["underflow"] or 0.0,
                overflow=item["overflow"] or 0.0,
            )
            if histogram.total:
                key = split_name(item["name"])[0]
                groups[key].append((item["run"], module_group(item["module"]), histogram))
    return groups


def _merged(histograms: Sequence[Histogram]) -> list[Histogram]:
    """One histogram where all have the same bins; all of them where each run chose its own."""
    try:
        return [merge_histograms(histograms)]
    except StatisticsError:
        return list(histograms)


def _preferred(rows: Sequence[Row]) -> list[Row]:
    """Rows of the first group of modules, with the recording mode that says most."""
    group = [row for row in rows if row.modules == rows[0].modules]
    best = min((row.reducer for row in group), key=_preference)
    return [row for row in group if row.reducer == best]


def _preference(reducer: str) -> int:
    return PREFERRED.index(reducer) if reducer in PREFERRED else len(PREFERRED)


def _positions(texts: Sequence[str]) -> dict[str, float]:
    """Where each value of an iteration variable stands: at its number, or in turn where one has none."""
    numbers = [number(text) for text in texts]
    if all(n is not None for n in numbers):
        return {text: n for text, n in zip(texts, numbers, strict=True) if n is not None}
    return {text: float(i) for i, text in enumerate(texts)}


def _sweep_line(label: str, rows: Sequence[Row], main: str, positions: dict[str, float]) -> Line:
    ordered = sorted(rows, key=lambda row: positions[row.point.value(main)])
    return Line(
        label=label,
        x=np.array([positions[row.point.value(main)] for row in ordered]),
        y=np.array([row.estimate.mean for row in ordered]),
        low=np.array([row.estimate.low for row in ordered]),
        high=np.array([row.estimate.high for row in ordered]),
    )


def _fold(combine: np.ufunc, tables: Sequence[Floats]) -> Floats:
    result: Floats = combine.reduce(np.array(tables), axis=0) if tables else np.empty(0)
    return result


def _counted(modules: str, count: int) -> str:
    return f"{modules} × {count}" if count > 1 else modules


def _axis(row: Row) -> str:
    return f"{_without_mode(row)} in {row.unit}" if row.unit else _without_mode(row)


def _without_mode(row: Row) -> str:
    return row.display.removesuffix(f" ({row.reducer})")
