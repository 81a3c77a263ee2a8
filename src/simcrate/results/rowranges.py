"""Where the rows of each vector lie in a table of samples, so that reading one does not go through all.

Simulators write blocks: many samples of a vector, one after the other.  There is one range for each block, as there
is one entry in the index of a `.vec` file.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simcrate.results.database import RowRange
from simcrate.results.timeorder import Integers, run_starts


class RowRanges:
    """Ranges of row numbers, by vector."""

    def __init__(self, parts: Iterable[tuple[Integers, Integers]]) -> None:
        """Go through a table once.

        Args:
            parts: pieces of the table, in order: (n,) the vector of each row, and (n,) its row number.
        """
        found = [np.empty((0, 3), np.int64)]
        for vectors, numbers in parts:
            starts = run_starts(vectors)
            ends = np.append(starts[1:], vectors.size) - 1
            found.append(np.column_stack((vectors[starts], numbers[starts], numbers[ends])))
        blocks = np.concatenate(found)
        self._blocks = blocks[np.argsort(blocks[:, 0], kind="stable")]

    def of(self, vector: int) -> list[RowRange]:
        """The ranges of one vector, in the order of the table."""
        begin, end = np.searchsorted(self._blocks[:, 0], (vector, vector + 1)).tolist()
        return [(first, last) for _, first, last in self._blocks[begin:end].tolist()]
