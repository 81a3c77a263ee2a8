"""Scalars, statistics and parameters on their way from a file into Arrow tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    edges: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

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


@dataclass(slots=True)
class RecordedItems:
    """All items of a file that are not vectors, while it is read.

    The attributes of an item may be filled until the tables are made.
    """

    scalars: list[Item[float]] = field(default_factory=list)
    parameters: list[Item[str]] = field(default_factory=list)
    statistics: list[Item[StatisticFields]] = field(default_factory=list)

    def tables(self) -> dict[Kind, Items]:
        """The items of every kind; a statistic with bins is a histogram, vectors there are none."""
        return {kind: self._table(kind) for kind in Kind}

    def _table(self, kind: Kind) -> Items:
        match kind:
            case Kind.SCALARS:
                return _table(kind, self.scalars, {"value": [item.value for item in self.scalars]})
            case Kind.PARAMETERS:
                return _table(
                    kind, self.parameters, {"value": [item.value for item in self.parameters]}
                )
            case Kind.STATISTICS:
                plain = [item for item in self.statistics if not item.value.edges]
                return _table(kind, plain, _columns([item.value.summary() for item in plain]))
            case Kind.HISTOGRAMS:
                binned = [item for item in self.statistics if item.value.edges]
                rows = [item.value.summary() | item.value.bins() for item in binned]
                return _table(kind, binned, _columns(rows))
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


def _table(
    kind: Kind, items: Sequence[Item[Value]], values: Mapping[str, Sequence[object]]
) -> Items:
    columns: dict[str, Sequence[object]] = {
        "run": [item.run for item in items],
        "module": [item.module for item in items],
        "name": [item.name for item in items],
        "unit": [item.attributes.get("unit") for item in items],
        "title": [item.attributes.get("title") for item in items],
        **values,
    }
    arrays = [pa.array(columns.get(column.name, []), column.type) for column in kind.schema]
    table = pa.Table.from_arrays(arrays, schema=kind.schema)
    return Items(table=table, attributes=_shared([item.attributes for item in items]))


def _shared(attributes: Sequence[Attributes]) -> list[Attributes]:
    """The same attributes, equal ones as one object: thousands of items differ in their values only."""
    known: dict[tuple[tuple[str, str], ...], Attributes] = {}
    return [known.setdefault(tuple(found.items()), found) for found in attributes]
