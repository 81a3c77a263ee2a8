"""The table of vectors of one file, from their labels and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from simcrate.results.blocks import Blocks
from simcrate.results.tables import Attributes, Items, Kind

_ATTRIBUTES = {
    "unit": "unit",
    "title": "title",
    "interpolation": "interpolationmode",
    "type": "type",
    "enum": "enum",
}


class VectorLabel(Protocol):
    """What a vector is called."""

    @property
    def run(self) -> str:
        """ID of its run."""
        ...

    @property
    def module(self) -> str:
        """Full path of the module."""
        ...

    @property
    def name(self) -> str:
        """Name of the vector."""
        ...

    @property
    def has_events(self) -> bool:
        """Whether samples have event numbers."""
        ...

    @property
    def attributes(self) -> Attributes:
        """Unit, title, interpolation mode, ..."""
        ...


def vector_items(vectors: Sequence[VectorLabel], blocks: Blocks) -> Items:
    """The vectors of a file, numbered by their rows, with summaries of their samples."""
    attributes = [vector.attributes for vector in vectors]
    columns = {
        "vector": pa.array(np.arange(len(vectors))),
        "run": [vector.run for vector in vectors],
        "module": [vector.module for vector in vectors],
        "name": [vector.name for vector in vectors],
        "has_events": [vector.has_events for vector in vectors],
        **{name: [found.get(key) for found in attributes] for name, key in _ATTRIBUTES.items()},
        **blocks.summaries(len(vectors)),
    }
    schema = Kind.VECTORS.schema
    arrays = [pa.array(columns[column.name], column.type) for column in schema]
    return Items(table=pa.Table.from_arrays(arrays, schema=schema), attributes=attributes)
