"""Check that the times of each vector never decrease, over any number of batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LATEST_S = 1e19
"""Above what 64 bits hold at any resolution that OMNeT++ has, and within exact decimals."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def run_starts(values: Integers) -> Integers:
    """Where runs of equal neighbours begin, (k,) for (n,) values."""
    if not len(values):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))


class TimeOrder:
    """Remembers the last time of each vector."""

    def __init__(self, vectors: int) -> None:
        self._last: Floats = np.full(vectors, -np.inf)

    def extend(self, vectors: int) -> None:
        """Make room for more vectors, up to so many."""
        self._last = np.concatenate((self._last, np.full(vectors - len(self._last), -np.inf)))

    def holds(self, times: Floats, starts: Integers, rows: Integers) -> bool:
        """Whether a batch goes on in order, with times below LATEST_S.

        Args:
            times: of the samples, (n,).
            starts: where runs of samples of one vector begin, (k,).
            rows: the vector of each run, (k,).
        """
        if not len(times):
            return True
        firsts, lasts = times[starts], times[np.concatenate((starts[1:], [len(times)])) - 1]
        rising = times[1:] >= times[:-1]  # false for NaN
        rising[starts[1:] - 1] = True  # another vector begins there
        if not (rising.all() and (firsts > -LATEST_S).all() and (lasts < LATEST_S).all()):
            return False
        return self._continues(firsts, lasts, rows)

    def _continues(self, firsts: Floats, lasts: Floats, rows: Integers) -> bool:
        """Whether each run begins no earlier than the one before of the same vector ends."""
        order = np.argsort(rows, kind="stable")
        rows, firsts, lasts = rows[order], firsts[order], lasts[order]
        begins = run_starts(rows)
        before = np.concatenate(([-np.inf], lasts[:-1]))
        before[begins] = self._last[rows[begins]]
        ends = np.concatenate((begins[1:], [len(rows)])) - 1
        self._last[rows[ends]] = lasts[ends]
        return bool((firsts >= before).all())
