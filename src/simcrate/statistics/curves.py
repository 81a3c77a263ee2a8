"""Panels over simulated time: median and band of vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet
from simcrate.statistics.buckets import Buckets
from simcrate.statistics.labels import axis_label, counted, point_label
from simcrate.statistics.naming import module_group, split_name
from simcrate.statistics.panels import MOST_LINES, Line, Series
from simcrate.statistics.points import Point, point_of, points_of, varying
from simcrate.statistics.quantiles import column_quantiles
from simcrate.statistics.rows import Row
from simcrate.statistics.samples import Floats

COARSE = 4  # buckets joined where lines of several points lie over each other
BAND = (0.1, 0.5, 0.9)  # quantiles over vectors


class Curves:
    """The curves of all vectors, by statistic and group of modules.

    Source: definition 15 of docs/explanation/numbers.md.
    """

    def __init__(self, results: ResultSet, vectors: pa.Table, buckets: Buckets) -> None:
        """Sort vectors with samples; the buckets are those of the table of vectors."""
        self._buckets = buckets
        self._varying = varying(points_of(results.runs))
        point_of_run = {run.id: point_of(run) for run in results.runs}
        self._point_of_vector = [point_of_run[run] for run in vectors["run"].to_pylist()]
        self._groups = _groups(vectors)

    def panels(self, statistic: str, row: Row) -> Iterator[Series]:
        """A panel for each group of modules, the outer ones first; none for groups without a finite sample."""
        for modules, positions in self._groups.get(statistic, {}).items():
            lines = self._lines(modules, positions)
            if any(np.isfinite(line.y).any() for line in lines):
                yield Series(
                    title=counted(modules, len(positions)), y_label=axis_label(row), lines=lines
                )

    def _lines(self, modules: str, positions: list[int]) -> tuple[Line, ...]:
        by_point: dict[Point, list[int]] = defaultdict(list)
        for position in positions:
            by_point[self._point_of_vector[position]].append(position)
        if len(by_point) == 1:
            return (self._band(modules, positions),)
        return tuple(
            self._median(point_label(point, self._varying), members)
            for point, members in list(by_point.items())[:MOST_LINES]
        )

    def _band(self, label: str, members: list[int]) -> Line:
        """Median, quantiles and bounds of vectors; of a single one what is typical, and its bounds."""
        x = self._buckets.centres_s
        bounds = [self._buckets.bounds(i) for i in members]
        minimum = _fold(np.fmin, [low for low, _ in bounds])
        maximum = _fold(np.fmax, [high for _, high in bounds])
        if len(members) == 1:
            y = self._buckets.typical(members[0])
            return Line(label=label, x=x, y=y, minimum=minimum, maximum=maximum)
        low, y, high = column_quantiles(self._buckets.table(np.array(members)), BAND)
        return Line(label=label, x=x, y=y, low=low, high=high, minimum=minimum, maximum=maximum)

    def _median(self, label: str, members: list[int]) -> Line:
        """The median alone, in fewer buckets: one of several lines."""
        x = self._buckets.centres_s
        y = column_quantiles(self._buckets.table(np.array(members)), [0.5])[0]
        whole = x.size // COARSE * COARSE
        return Line(
            label=label,
            x=x[:whole].reshape(-1, COARSE).mean(axis=1),
            y=column_quantiles(y[:whole].reshape(-1, COARSE).T, [0.5])[0],
        )


def _groups(vectors: pa.Table) -> dict[str, dict[str, list[int]]]:
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


def _fold(combine: np.ufunc, rows: Sequence[Floats]) -> Floats:
    folded: Floats = combine.reduce(np.array(rows), axis=0)
    return folded
