"""From recorded numbers to the table of statistics.

Scalars come first: what a model reduced itself is what its author meant.  A statistic block gives its mean where
no scalar does, a vector where neither does; a catalogue decides for each of its statistics in that order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from simcrate.results import ResultSet
from simcrate.statistics.catalogue import Catalogue, Entry, Reducer
from simcrate.statistics.estimate import estimate
from simcrate.statistics.naming import plain_title
from simcrate.statistics.recorded import Group, Items, Recorded
from simcrate.statistics.rows import Row, run_means
from simcrate.statistics.runends import run_ends_s
from simcrate.statistics.samples import Floats
from simcrate.statistics.timeaverage import Mode
from simcrate.statistics.vectornumbers import VectorNumbers


def summarise(
    results: ResultSet,
    catalogue: Catalogue | None = None,
    *,
    vector_numbers: VectorNumbers | None = None,
) -> tuple[Row, ...]:
    """The table of statistics of a set of results.

    Reads scalars, statistics and the index of vectors.  Samples are read only of vectors that no scalar or statistic
    speaks for and whose mean the index cannot tell (those with time between their samples).

    Args:
        results: what was recorded.
        catalogue: which statistics, under which names; without one everything recorded is reported.
        vector_numbers: when somebody went through the samples already.

    Returns:
        By the catalogue's order, else by name; the network's rows before those of its nodes.
    """
    return tuple(t.row for t in tabulate(results, catalogue, vector_numbers=vector_numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabulated:
    """A row and the recorded values behind it."""

    row: Row
    values: Floats
    """(n,) one per run and module, as recorded."""

    by_run: Mapping[str, float]
    """Mean over modules by run ID; NaN where a run has no finite value."""


def tabulate(
    results: ResultSet,
    catalogue: Catalogue | None = None,
    *,
    vector_numbers: VectorNumbers | None = None,
) -> list[Tabulated]:
    """`summarise`, with the values behind each row."""
    numbers = vector_numbers or _numbers_from_index(results)
    recorded = Recorded(results, numbers.vectors)
    if catalogue is None:
        return list(_rows_of_everything(recorded, numbers))
    return list(_rows_of_catalogue(recorded, numbers, catalogue))


def _numbers_from_index(results: ResultSet) -> VectorNumbers:
    vectors = results.vectors()
    return VectorNumbers(results, vectors, run_ends_s(results, vectors))


def _rows_of_everything(recorded: Recorded, numbers: VectorNumbers) -> Iterator[Tabulated]:
    for key in sorted(recorded.groups, key=lambda key: (key[0], key[1].count("."), key[1])):
        groups = recorded.groups[key]
        reduced = {group.point for group in groups if group.source != "vector"}
        for group in sorted(groups, key=lambda group: (group.source, group.mode, group.point)):
            if group.source == "vector" and group.point in reduced:
                continue
            yield _row(recorded, numbers, group, entry=None)


def _rows_of_catalogue(
    recorded: Recorded, numbers: VectorNumbers, catalogue: Catalogue
) -> Iterator[Tabulated]:
    by_base: dict[str, list[str]] = defaultdict(list)
    for base, modules in recorded.groups:
        if catalogue.reports(modules):
            by_base[base].append(modules)
    levels = sorted({modules for group in by_base.values() for modules in group}, key=_level)
    for level in levels:
        for entry in catalogue.entries:
            if level not in by_base.get(entry.name, ()):
                continue
            by_point: dict[int, list[Group]] = defaultdict(list)
            for group in recorded.groups[entry.name, level]:
                by_point[group.point].append(group)
            for _, groups in sorted(by_point.items()):
                chosen = _best(recorded, groups, entry.reducer)
                if chosen is not None:
                    yield _row(recorded, numbers, chosen, entry)


def _level(modules: str) -> tuple[int, str]:
    return modules.count("."), modules


def _best(recorded: Recorded, groups: list[Group], reducer: Reducer) -> Group | None:
    """The group that tells a reducer's value: a scalar, else a statistic block, else a vector."""
    for group in groups:
        if group.source == "scalar" and group.mode in (reducer.value, ""):
            return group
    blocks = recorded.items["statistic"]
    for group in groups:
        if group.source == "statistic" and _block_tells(reducer, blocks, group):
            return group
    return next((group for group in groups if group.source == "vector"), None)


def _block_tells(reducer: Reducer, blocks: Items, group: Group) -> bool:
    """Whether blocks have a reducer's value: never the last one, and that over time only if weighted by it."""
    if reducer is Reducer.TIMEAVG:
        return bool(blocks.floats("weighted")[group.items].all())
    return reducer is not Reducer.LAST


def _row(
    recorded: Recorded, numbers: VectorNumbers, group: Group, entry: Entry | None
) -> Tabulated:
    items = recorded.items[group.source]
    reducer = _reducer(items, group, entry)
    values, low, high = _values(items, group, reducer, numbers)
    runs, run_codes = np.unique(items.run_codes[group.items], return_inverse=True)
    over_modules = run_means(run_codes, values)
    is_vector = group.source == "vector"
    samples, nan_samples, inf_samples = (
        numbers.sample_counts(group.items) if is_vector else (0, 0, 0)
    )
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    row = Row(
        statistic=group.base,
        display=entry.display if entry else _title(items, group),
        layer=entry.layer if entry else "",
        unit=entry.unit if entry and entry.unit is not None else items.text("unit", group.items),
        reducer=group.mode if group.source == "scalar" else reducer.value,
        source=group.source,
        modules=group.modules,
        module_count=int(np.unique(items.module_codes[group.items]).size),
        point=recorded.points[group.point],
        estimate=estimate(over_modules),
        runs=int(runs.size),
        values=int(values.size),
        nan_count=int(np.isnan(values).sum()),
        inf_count=int(np.isinf(values).sum()),
        minimum=float(low.min()) if low.size else math.nan,
        maximum=float(high.max()) if high.size else math.nan,
        samples=samples,
        nan_samples=nan_samples,
        inf_samples=inf_samples,
    )
    ids = [items.runs[i] for i in runs.tolist()]
    return Tabulated(
        row=row, values=values, by_run=dict(zip(ids, over_modules.tolist(), strict=True))
    )


def _reducer(items: Items, group: Group, entry: Entry | None) -> Reducer:
    if entry is not None:
        return entry.reducer
    if group.source == "vector":
        mode = Mode.of(items.text("interpolation", group.items))
        return Reducer.MEAN if mode is Mode.NONE else Reducer.TIMEAVG
    return Reducer.MEAN


def _values(
    items: Items, group: Group, reducer: Reducer, numbers: VectorNumbers
) -> tuple[Floats, Floats, Floats]:
    """The value of each item, and the smallest and largest that it stands for."""
    if group.source == "scalar":
        values = items.floats("value")[group.items]
        return values, values, values
    if group.source == "vector":
        return numbers.values(reducer, group.items), *numbers.bounds(group.items)
    column = reducer.value if reducer.value in items.table.column_names else "mean"
    low, high = items.floats("min"), items.floats("max")
    return items.floats(column)[group.items], low[group.items], high[group.items]


def _title(items: Items, group: Group) -> str:
    title = plain_title(items.text("title", group.items), group.mode) or group.base
    return f"{title} ({group.mode})" if group.mode and group.source != "vector" else title
