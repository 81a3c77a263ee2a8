"""What was recorded, sorted by name, group of modules and point of the study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet
from simcrate.statistics.naming import module_group, split_name
from simcrate.statistics.points import point_of, points_of
from simcrate.statistics.rows import Source
from simcrate.statistics.samples import Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The items of one kind and name in one group of modules at one point."""

    source: Source
    base: str
    mode: str
    modules: str
    point: int
    items: Indices  # rows of the table that they come from


class Recorded:
    """What was recorded, by name, group of modules and point."""

    def __init__(self, results: ResultSet, vectors: pa.Table) -> None:
        self.points = points_of(results.runs)
        places = {point: i for i, point in enumerate(self.points)}
        self._point_of_run = {run.id: places[point_of(run)] for run in results.runs}
        blocks = _union(results.statistics(), results.histograms())
        self.tables: dict[Source, pa.Table] = {
            "scalar": results.scalars(),
            "statistic": blocks,
            "vector": vectors,
        }
        self.groups: dict[tuple[str, str], list[Group]] = defaultdict(list)
        for source, table in self.tables.items():
            for group in self._split(source, table):
                self.groups[group.base, group.modules].append(group)

    def _split(self, source: Source, table: pa.Table) -> Iterator[Group]:
        if not table.num_rows:
            return
        names, name_codes = codes(table["name"])
        modules, module_codes = codes(table["module"])
        runs, run_codes = codes(table["run"])
        kinds = sorted({module_group(module) for module in modules})
        kind_of = np.array([kinds.index(module_group(module)) for module in modules])
        point_of = np.array([self._point_of_run.get(run, 0) for run in runs])
        keys = (name_codes * len(kinds) + kind_of[module_codes]) * len(self.points)
        keys += point_of[run_codes]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1))
        for items in np.split(order, starts[1:]):
            name_and_kind, point = divmod(int(keys[items[0]]), len(self.points))
            name, kind = divmod(name_and_kind, len(kinds))
            base, mode = split_name(names[name])
            yield Group(
                source=source,
                base=base,
                mode=mode,
                modules=kinds[kind],
                point=point,
                items=items,
            )


def codes(column: pa.ChunkedArray) -> tuple[list[str], Indices]:
    """The different texts of a column, and which of them stands in each row."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts: list[str] = encoded.dictionary.to_pylist()
    return texts, encoded.indices.to_numpy(zero_copy_only=False).astype(np.intp)


def _union(*tables: pa.Table) -> pa.Table:
    shared = [name for name in tables[0].column_names if name in tables[1].column_names]
    return pa.concat_tables([table.select(shared) for table in tables])
