"""Notice repetitions that are copies of each other.

Seeds pinned in the ini file (`seed-0-mt = ...`) make every repetition the same run; an interval over copies is a lie.
Runs are compared by their scalars and the index of their vectors, which no two different runs share.

Source: definition 12 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet
from simcrate.statistics.points import Point, point_of, points_of

_NUMBERS = ("value", "count", "min", "max", "mean", "stddev")


def identical_repetitions(results: ResultSet, vectors: pa.Table) -> list[tuple[Point, int]]:
    """Points with repetitions that recorded the same numbers, and how many of these repetitions there are."""
    if len(points_of(results.runs)) == len(results.runs):
        return []
    prints: dict[str, list[bytes]] = defaultdict(list)
    for table in (results.scalars(), vectors):
        for run_id, digest in _fingerprints(table).items():
            prints[run_id].append(digest)
    copies: dict[tuple[Point, bytes], int] = defaultdict(int)
    for run in results.runs:
        if run.id in prints:
            copies[point_of(run), b"".join(prints[run.id])] += 1
    return [(point, count) for (point, _), count in copies.items() if count > 1]


def _fingerprints(table: pa.Table) -> dict[str, bytes]:
    """A digest of every run's rows, whatever their order."""
    if not table.num_rows:
        return {}
    ordered = table.sort_by([("run", "ascending"), ("module", "ascending"), ("name", "ascending")])
    texts = [ordered[name].to_pylist() for name in ("run", "module", "name")]
    numbers = np.column_stack(
        [
            ordered[name].to_numpy(zero_copy_only=False).astype(float)
            for name in _NUMBERS
            if name in ordered.column_names
        ]
    )
    numbers[np.isnan(numbers)] = np.nan  # one NaN for all their bit patterns
    digests: dict[str, hashlib._Hash] = {}
    for run, module, name, row in zip(*texts, numbers, strict=True):
        digest = digests.setdefault(run, hashlib.sha256())
        digest.update(f"{module}\0{name}\0".encode())
        digest.update(row.tobytes())
    return {run: digest.digest() for run, digest in digests.items()}
