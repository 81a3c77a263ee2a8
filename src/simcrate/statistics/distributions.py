"""Panels of how values are distributed: recorded histograms, or the values of modules and runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from simcrate.errors import StatisticsError
from simcrate.results import ResultSet
from simcrate.statistics.histograms import Histogram, merge_histograms
from simcrate.statistics.labels import axis_label, counted, point_label
from simcrate.statistics.naming import module_group, split_name
from simcrate.statistics.panels import MOST_LINES, Bars, Ecdf, Line, ecdf
from simcrate.statistics.points import point_of, points_of, varying
from simcrate.statistics.rows import Row
from simcrate.statistics.summarise import Tabulated
from simcrate.statistics.sweeps import preferred

FEWEST_FOR_ECDF = 5  # values; fewer are better read in the table


class RecordedHistogram(NamedTuple):
    """A histogram and where it was recorded."""

    run: str
    modules: str
    histogram: Histogram


class Distributions:
    """The distributions of all statistics.

    Source: definitions 8 and 9 of docs/explanation/numbers.md.
    """

    def __init__(self, results: ResultSet) -> None:
        """Sort histograms by statistic."""
        self._varying = varying(points_of(results.runs))
        self._label_of_run = {
            run.id: point_label(point_of(run), self._varying) for run in results.runs
        }
        self._histograms = _by_statistic(results.histograms())

    def panel(self, statistic: str, tabulated: Sequence[Tabulated]) -> Bars | Ecdf | None:
        """The recorded histograms, else the distribution over modules; None where there are few values."""
        histograms = self._histograms.get(statistic)
        if histograms:
            return self._of_histograms(histograms, tabulated[0].row)
        return self._over_modules(tabulated)

    def _of_histograms(self, recorded: Sequence[RecordedHistogram], row: Row) -> Bars | Ecdf:
        """The histogram of the outermost modules; where bins differ, the shares at or below x."""
        outer = min((item.modules for item in recorded), key=lambda m: (m.count("."), m))
        members = [item for item in recorded if item.modules == outer]
        by_label: dict[str, list[Histogram]] = defaultdict(list)
        for item in members:
            by_label[self._label_of_run[item.run]].append(item.histogram)
        title, x_label = counted(outer, len(members)), axis_label(row)
        chosen = _in_turn({label: _merged(group) for label, group in by_label.items()})
        if len(chosen) == 1:
            ((label, histogram),) = chosen
            line = Line(label=label, x=histogram.edges, y=histogram.density)
            return Bars(title=title, x_label=x_label, lines=(line,))
        lines = [Line(label=label, x=h.edges, y=h.shares) for label, h in chosen[:MOST_LINES]]
        return Ecdf(title=title, x_label=x_label, lines=tuple(lines))

    def _over_modules(self, tabulated: Sequence[Tabulated]) -> Ecdf | None:
        """The distribution over the innermost modules and the runs of each point."""
        chosen = {id(row) for row in preferred([entry.row for entry in reversed(tabulated)])}
        entries = [entry for entry in tabulated if id(entry.row) in chosen and _is_worth(entry)]
        if not entries:
            return None
        row = entries[0].row
        lines = [ecdf(point_label(e.row.point, self._varying), e.values) for e in entries]
        return Ecdf(
            title=f"{counted(row.modules, row.values)}, at the end",
            x_label=axis_label(row),
            lines=tuple(lines[:MOST_LINES]),
        )


def _is_worth(entry: Tabulated) -> bool:
    finite = int(np.isfinite(entry.values).sum())
    row = entry.row
    return row.source == "scalar" and finite >= FEWEST_FOR_ECDF and row.minimum < row.maximum


def _merged(histograms: Sequence[Histogram]) -> list[Histogram]:
    """One histogram where all have the same bins; all of them where each run chose its own."""
    try:
        return [merge_histograms(histograms)]
    except StatisticsError:
        return list(histograms)


def _in_turn(groups: dict[str, list[Histogram]]) -> list[tuple[str, Histogram]]:
    """The first of every group, then the second of each, so that every point is seen."""
    labelled = ([(label, histogram) for histogram in group] for label, group in groups.items())
    return [pair for turn in zip_longest(*labelled) for pair in turn if pair is not None]


def _by_statistic(table: pa.Table) -> dict[str, list[RecordedHistogram]]:
    """Histograms that counted something."""
    groups: dict[str, list[RecordedHistogram]] = defaultdict(list)
    for item in table.to_pylist():
        edges, counts = np.array(item["edges"] or []), np.array(item["values"] or [])
        if not counts.size or edges.size != counts.size + 1 or not np.isfinite(edges).all():
            continue
        histogram = Histogram(
            edges=edges,
            counts=counts,
            underflow=item["underflow"] or 0.0,
            overflow=item["overflow"] or 0.0,
        )
        if histogram.total:
            recorded = RecordedHistogram(item["run"], module_group(item["module"]), histogram)
            groups[split_name(item["name"])[0]].append(recorded)
    return groups
