"""The Arrow tables that results are handed out in: their columns, units and missing values.

Times are simulated seconds, all other numbers are in the unit of the column `unit` (null: the file
names none, or the quantity has none).  NaN and ±Inf are values that the simulator recorded; null means
that there is nothing: no samples, an unknown count, a field that the file does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

Attributes = Mapping[str, str]

_ITEM = [
    pa.field("run", pa.string()),
    pa.field("module", pa.string()),
    pa.field("name", pa.string()),
]
_LABELS = [pa.field("unit", pa.string()), pa.field("title", pa.string())]
_SUMMARY = [
    pa.field("count", pa.int64()),
    pa.field("sum_weights", pa.float64()),
    pa.field("mean", pa.float64()),
    pa.field("stddev", pa.float64()),
    pa.field("min", pa.float64()),
    pa.field("max", pa.float64()),
    pa.field("sum", pa.float64()),
    pa.field("sqrsum", pa.float64()),
    pa.field("weighted", pa.bool_()),
]

SCALARS = pa.schema([*_ITEM, pa.field("value", pa.float64()), *_LABELS])
"""Scalars: one number each, in `unit`."""

STATISTICS = pa.schema([*_ITEM, *_SUMMARY, *_LABELS])
"""Statistics without bins.

`count` observations (NaN ones are not counted by OMNeT++); `sum_weights` equals `count` unless
`weighted`; `mean`, `stddev` (of the sample, divisor n-1), `min`, `max`, `sum` in `unit`, `sqrsum` in its
square; for weighted ones `sum` and `sqrsum` are the weighted sums.  NaN: undefined, as the stddev of one.
"""

HISTOGRAMS = pa.schema(
    [
        *_ITEM,
        *_SUMMARY,
        pa.field("edges", pa.list_(pa.float64())),
        pa.field("values", pa.list_(pa.float64())),
        pa.field("underflow", pa.float64()),
        pa.field("overflow", pa.float64()),
        *_LABELS,
    ]
)
"""Histograms: the columns of statistics, then the bins.

`edges` (n+1,) in `unit`, strictly rising; `values` (n,) count, or sum of weights, of [edge k, edge k+1);
`underflow` below the first edge, `overflow` at or above the last.
"""

PARAMETERS = pa.schema([*_ITEM, pa.field("value", pa.string()), pa.field("unit", pa.string())])
"""Module parameters: `value` is the text of a NED expression (`0.1s`, `exponential(1s)`, `"Sink"`)."""

VECTORS = pa.schema(
    [
        pa.field("vector", pa.int64()),
        *_ITEM,
        *_LABELS,
        pa.field("interpolation", pa.string()),
        pa.field("type", pa.string()),
        pa.field("enum", pa.string()),
        pa.field("has_events", pa.bool_()),
        pa.field("count", pa.int64()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("mean", pa.float64()),
        pa.field("stddev", pa.float64()),
        pa.field("first_time_s", pa.float64()),
        pa.field("last_time_s", pa.float64()),
        pa.field("nan_count", pa.int64()),
    ]
)
"""Vectors, without their samples.

`vector` is the key to ask for samples with, unique in one ResultSet and not stable beyond it.
`interpolation` is `none`, `sample-hold`, `backward-sample-hold`, `linear` or null (not declared); `type`
`int`, `double`, `enum`, ...; `enum` as `IDLE=0,BUSY=1`; `has_events`: samples carry event numbers.
`count` of all samples, NaN ones too; `min` and `max` skip NaN (null: no other samples); `mean` and
`stddev` (divisor n-1) are those of the samples without regard to time, NaN as soon as one sample is NaN
(mean ±Inf where only infinities of one sign are); null without samples, as are the times.
`nan_count` is null where only an index was read that cannot tell.
"""

SAMPLES = pa.schema(
    [
        pa.field("event", pa.int64()),
        pa.field("time_s", pa.float64()),
        pa.field("value", pa.float64()),
    ]
)
"""Samples of one vector, in the order of the file, in which times never decrease.

`event` is null where event numbers were not recorded; `time_s` is the float64 nearest to the recorded
decimal (which is exact to 1 ps by default: above 8192 s neighbouring picoseconds may share a float64).
"""

ALL_SAMPLES = pa.schema(
    [pa.field("vector", pa.int64()), SAMPLES.field("time_s"), SAMPLES.field("value")]
)
"""Samples of many vectors in the order of their files; `vector` is the key of the table of vectors."""

ATTRIBUTES = pa.schema([*_ITEM, pa.field("attribute", pa.string()), pa.field("value", pa.string())])
"""Attributes of result items, one row each."""


class Kind(StrEnum):
    """The kinds of result items."""

    SCALARS = "scalars"
    STATISTICS = "statistics"
    HISTOGRAMS = "histograms"
    PARAMETERS = "parameters"
    VECTORS = "vectors"

    @property
    def schema(self) -> pa.Schema:
        """Columns of the table of this kind."""
        return _SCHEMAS[self]


_SCHEMAS = {
    Kind.SCALARS: SCALARS,
    Kind.STATISTICS: STATISTICS,
    Kind.HISTOGRAMS: HISTOGRAMS,
    Kind.PARAMETERS: PARAMETERS,
    Kind.VECTORS: VECTORS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """All result items of one kind in one file."""

    table: pa.Table
    """Rows by the schema of the kind; vectors are numbered from 0 in their file."""

    attributes: Sequence[Attributes]
    """Attributes of each row."""


def no_items(kind: Kind) -> Items:
    """A file without items of this kind."""
    return Items(table=kind.schema.empty_table(), attributes=())
