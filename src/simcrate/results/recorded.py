"""Scalars, statistics and parameters on their way from a file into Arrow tables."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa

from simcrate.results.tables import Attributes, Items, Kind, no_items
from simcrate.results.text import LineError

Value = TypeVar("Value")

_MOST_COUNT = 2.0**63


class Item(NamedTuple, Generic[Value]):
    """One result item as a file states it."""

    run: str
    module: str
    name: str
    value: Value
    attributes: Attributes


@dataclass(slots=True)
class StatisticFields:
    """Fields and bins of one statistic, as they stand in a file."""

    fields: dict[str, float] = field(default_factory=dict)
    edges: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def set_field(self, name: str, value: float) -> None:
        """Set a field.

        Raises:
            LineError: it is the count, and not a whole number from 0 to what 64 bits hold.
        """
        if name == "count" and not (0 <= value < _MOST_COUNT and value.is_integer()):
            message = f"expected a count of observations, found {value:g}"
            raise LineError(message)
        self.fields[name] = value

    def add_bin(self, lower_edge: float, value: float) -> None:
        """Add a bin; equal edges, as printed with too few digits, are one bin.

        Raises:
            LineError: the edge is below the one before, or not a number.
        """
        if self.edges and lower_edge == self.edges[-1]:
            self.values[-1] += value
            return
        if math.isnan(lower_edge) or (self.edges and lower_edge < self.edges[-1]):
            after = f"{self.edges[-1]:g}" if self.edges else "nothing"
            message = f"expected rising bin edges, found {lower_edge:g} after {after}"
            raise LineError(message)
        self.edges.append(lower_edge)
        self.values.append(value)

    def summary(self) -> dict[str, object]:
        """The columns that statistics and histograms share."""
        found = self.fields
        weighted = "weights" in found
        count = found.get("count", math.nan)
        total = found.get("weightedSum" if weighted else "sum", math.nan)
        squares = found.get("weightedSqrSum" if weighted else "sqrsum", math.nan)
        weights = found.get("weights", count)
        return {
            "count": None if math.isnan(count) else int(count),
            "sum_weights": weights,
            "mean": found.get("mean", total / weights if weights else math.nan),
            "stddev": found.get(
                "stddev", math.nan if weighted else stddev_of(count, total, squares)
            ),
            "min": found.get("min", math.nan),
            "max": found.get("max", math.nan),
            "sum": total,
            "sqrsum": squares,
            "weighted": weighted,
        }

    def bins(self) -> dict[str, object]:
        """The columns that only histograms have: the first bin is underflow, the last overflow."""
        edges, values, underflow = self.edges, self.values, 0.0
        if edges[0] == -math.inf:
            underflow, edges, values = values[0], edges[1:], values[1:]
        overflow = values[-1] if values else 0.0
        return {
            "edges": edges,
            "values": values[:-1],
            "underflow": underflow,
            "overflow": overflow,
        }


class ItemColumns(Generic[Value]):
    """Items of one kind by column; labels and attributes, which repeat a thousand times, are kept once."""

    def __init__(self, values: MutableSequence[Value]) -> None:
        """Begin with no items; `values` takes their values."""
        self.values = values
        self._runs: list[str] = []
        self._modules: list[str] = []
        self._names: list[str] = []
        self._attributes: list[Attributes] = []
        self._known_texts: dict[str, str] = {}
        self._known_attributes: dict[tuple[tuple[str, str], ...], Attributes] = {}

    def append(self, item: Item[Value]) -> None:
        """Take an item; its attributes may be filled until the next one comes or the table is made."""
        self._share_last_attributes()
        known = self._known_texts.setdefault
        self._runs.append(item.run)
        self._modules.append(known(item.module, item.module))
        self._names.append(known(item.name, item.name))
        self.values.append(item.value)
        self._attributes.append(item.attributes)

    def table(
        self, kind: Kind, rows: Sequence[int], values: Mapping[str, Sequence[object]]
    ) -> Items:
        """Some of the items.

        Args:
            kind: which kind they are.
            rows: which of them.
            values: the columns of that kind besides labels, unit and title.
        """
        self._share_last_attributes()
        attributes = [self._attributes[row] for row in rows]
        columns: dict[str, Sequence[object]] = {
            "run": [self._runs[row] for row in rows],
            "module": [self._modules[row] for row in rows],
            "name": [self._names[row] for row in rows],
            "unit": [found.get("unit") for found in attributes],
            "title": [found.get("title") for found in attributes],
            **values,
        }
        arrays = [pa.array(columns.get(column.name, []), column.type) for column in kind.schema]
        return Items(table=pa.Table.from_arrays(arrays, schema=kind.schema), attributes=attributes)

    def _share_last_attributes(self) -> None:
        if self._attributes:
            last = self._attributes[-1]
            self._attributes[-1] = self._known_attributes.setdefault(tuple(last.items()), last)


class RecordedItems:
    """All items of a file that are not vectors, while it is read."""

    def __init__(self) -> None:
        self.scalars: ItemColumns[float] = ItemColumns(array("d"))
        self.parameters: ItemColumns[str] = ItemColumns([])
        self.statistics: ItemColumns[StatisticFields] = ItemColumns([])

    def tables(self) -> dict[Kind, Items]:
        """The items of every kind; a statistic with bins is a histogram, vectors there are none."""
        return {kind: self._table(kind) for kind in Kind}

    def _table(self, kind: Kind) -> Items:
        match kind:
            case Kind.SCALARS:
                return _all(kind, self.scalars)
            case Kind.PARAMETERS:
                return _all(kind, self.parameters)
            case Kind.STATISTICS:
                plain = [i for i, found in enumerate(self.statistics.values) if not found.edges]
                rows = [self.statistics.values[i].summary() for i in plain]
                return self.statistics.table(kind, plain, _columns(rows))
            case Kind.HISTOGRAMS:
                binned = [i for i, found in enumerate(self.statistics.values) if found.edges]
                both = [self.statistics.values[i] for i in binned]
                rows = [found.summary() | found.bins() for found in both]
                return self.statistics.table(kind, binned, _columns(rows))
            case Kind.VECTORS:
                return no_items(kind)


def stddev_of(count: float, total: float, squares: float) -> float:
    """Standard deviation of a sample from its sums, divisor n-1; NaN for fewer than two values."""
    if not count > 1:
        return math.nan
    variance = (squares - total * total / count) / (count - 1)
    return math.nan if math.isnan(variance) else math.sqrt(max(variance, 0.0))


def _columns(rows: Sequence[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _all(kind: Kind, items: ItemColumns[Value]) -> Items:
    return items.table(kind, range(len(items.values)), {"value": items.values})
