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
from simcrate.statistics.samples import Floats, Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The items of one kind and name in one group of modules at one point."""

    source: Source
    base: str
    mode: str
    modules: str
    point: int
    items: Indices
    """Which of the items of that kind."""


class Items:
    """The items of one kind, as arrays: groups are many, and Arrow is slow at small pieces."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.names, self.name_codes = _codes(table["name"])
        self.modules, self.module_codes = _codes(table["module"])
        self.runs, self.run_codes = _codes(table["run"])
        self._floats: dict[str, Floats] = {}
        self._texts: dict[str, tuple[list[str], Indices]] = {}

    def floats(self, column: str) -> Floats:
        """A column of numbers; NaN where there is nothing."""
        if column not in self._floats:
            values = self.table[column].to_numpy(zero_copy_only=False)
            self._floats[column] = values.astype(float)
        return self._floats[column]

    def text(self, column: str, items: Indices) -> str:
        """The first text of some items; empty when there is none."""
        if column not in self._texts:
            self._texts[column] = _codes(self.table[column].fill_null(""))
        texts, places = self._texts[column]
        return next((texts[i] for i in np.unique(places[items]).tolist() if texts[i]), "")


class Recorded:
    """What was recorded, by name, group of modules and point."""

    def __init__(self, results: ResultSet, vectors: pa.Table) -> None:
        self.points = points_of(results.runs)
        places = {point: i for i, point in enumerate(self.points)}
        self._point_of_run = {run.id: places[point_of(run)] for run in results.runs}
        self.items: dict[Source, Items] = {
            "scalar": Items(results.scalars()),
            "statistic": Items(_union(results.statistics(), results.histograms())),
            "vector": Items(vectors),
        }
        self.groups: dict[tuple[str, str], list[Group]] = defaultdict(list)
        for source, items in self.items.items():
            for group in self._split(source, items):
                self.groups[group.base, group.modules].append(group)

    def _split(self, source: Source, items: Items) -> Iterator[Group]:
        if not items.name_codes.size:
            return
        groups_of_modules = [module_group(module) for module in items.modules]
        kinds = sorted(set(groups_of_modules))
        place_of_kind = {kind: i for i, kind in enumerate(kinds)}
        kind_codes = np.array([place_of_kind[kind] for kind in groups_of_modules])
        point_codes = np.array([self._point_of_run[run] for run in items.runs])
        keys = (items.name_codes * len(kinds) + kind_codes[items.module_codes]) * len(self.points)
        keys += point_codes[items.run_codes]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1))
        for members in np.split(order, starts[1:]):
            name_and_kind, point = divmod(int(keys[members[0]]), len(self.points))
            name, kind = divmod(name_and_kind, len(kinds))
            base, mode = split_name(items.names[name])
            yield Group(
                source=source,
                base=base,
                mode=mode,
                modules=kinds[kind],
                point=point,
                items=members,
            )


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Indices]:
    """The different texts of a column, and which of them stands in each row."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts: list[str] = encoded.dictionary.to_pylist()
    return texts, encoded.indices.to_numpy(zero_copy_only=False).astype(np.intp)


def _union(*tables: pa.Table) -> pa.Table:
    shared = [name for name in tables[0].column_names if name in tables[1].column_names]
    return pa.concat_tables([table.select(shared) for table in tables])
