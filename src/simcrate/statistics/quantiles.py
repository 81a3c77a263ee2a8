"""Quantiles: exact while values fit in memory, by a sketch of bounded size beyond.

NaN and infinite values take no part.

Source: definition 8 of docs/explanation/numbers.md; Hyndman and Fan 1996 (type 7); Dunning and Ertl 2019
(t-digest, merging variant, scale function k1).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXACT_UP_TO = 1_000_000  # values that a sketch keeps as they are: 8 MB
COMPRESSION = 1_000.0  # delta of the t-digest: at most about this many centroids


def quantile(values: ArrayLike, q: float) -> float:
    """The type 7 quantile of finite values; NaN when there are none.

    Args:
        values: (n,), any unit.
        q: in [0, 1].

    Source: definition 8 of docs/explanation/numbers.md.
    """
    array = np.asarray(values, dtype=float).ravel()
    finite = array[np.isfinite(array)]
    return float(np.quantile(finite, q)) if finite.size else math.nan


def column_quantiles(table: NDArray[np.float64], q: ArrayLike) -> NDArray[np.float64]:
    """Type 7 quantiles of every column, for curves.

    Args:
        table: (n, points); values that are not finite take no part.
        q: (k,), each in [0, 1].

    Returns:
        (k, points); NaN where a column has no value.
    """
    q = np.asarray(q, dtype=float)
    if not table.shape[0]:
        return np.full((q.size, table.shape[1]), np.nan)
    ordered = np.sort(np.where(np.isfinite(table), table, np.nan), axis=0)  # NaN goes last
    last = np.maximum(np.isfinite(ordered).sum(axis=0) - 1, 0)
    position = q[:, None] * last
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, last)
    columns = np.arange(table.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    result: NDArray[np.float64] = low + (position - below) * (high - low)
    return result


class QuantileSketch:
    """Quantiles of a stream, in bounded memory.

    Exact (type 7) for up to `exact_up_to` values.  Beyond, a t-digest: the error in rank is largest in the middle,
    where it stays below 1/`COMPRESSION`, and vanishes towards both ends.  What comes out depends only
    on what went in and in which order.
    """

    def __init__(self, *, exact_up_to: int = EXACT_UP_TO) -> None:
        self._exact_up_to = exact_up_to
        self._buffer: list[NDArray[np.float64]] = []
        self._buffered = 0
        self._means = np.empty(0)
        self._weights = np.empty(0)
        self.count = 0
        """Values that took part."""
        self._minimum, self._maximum = math.inf, -math.inf

    def add(self, values: NDArray[np.float64]) -> None:
        """Take more values in; those that are not finite are left out."""
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        self.count += int(finite.size)
        self._minimum = min(self._minimum, float(finite.min()))
        self._maximum = max(self._maximum, float(finite.max()))
        self._buffer.append(finite)
        self._buffered += int(finite.size)
        if self._buffered > self._exact_up_to:
            self._compress()

    def quantile(self, q: float) -> float:
        """The value below which a fraction q in [0, 1] of all values lies; NaN when there are none."""
        if not self.count:
            return math.nan
        if not self._means.size:
            return float(np.quantile(np.concatenate(self._buffer), q))
        self._compress()
        # A centroid stands at the middle of the ranks that it replaces.
        ranks = np.cumsum(self._weights) - self._weights / 2
        ranks = np.concatenate(([0.0], ranks, [float(self.count)]))
        means = np.concatenate(([self._minimum], self._means, [self._maximum]))
        return float(np.interp(q * self.count, ranks, means))

    def _compress(self) -> None:
        """Merge the buffer and the centroids into at most about COMPRESSION centroids."""
        if not self._buffer:
            return
        means = np.concatenate((self._means, *self._buffer))
        weights = np.concatenate((self._weights, np.ones(self._buffered)))
        self._buffer, self._buffered = [], 0
        order = np.argsort(means, kind="stable")
        means, weights = means[order], weights[order]
        middles = (np.cumsum(weights) - weights / 2) / weights.sum()
        # Values whose middles fall into the same unit of k1 become one centroid.
        bucket = np.floor(COMPRESSION / math.pi * np.arcsin(2 * middles - 1))
        starts = np.flatnonzero(np.diff(bucket, prepend=-math.inf))
        self._weights = np.add.reduceat(weights, starts)
        self._means = np.add.reduceat(means * weights, starts) / self._weights
