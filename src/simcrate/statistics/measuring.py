"""The one pass over all samples, and everything that it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet
from simcrate.statistics.buckets import Buckets, bucket_count
from simcrate.statistics.reductions import Reductions
from simcrate.statistics.resampledtables import ResampledTables
from simcrate.statistics.samples import Consumer, Grouping
from simcrate.statistics.vectornumbers import VectorNumbers, modes_of, new_reductions


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the samples of all vectors tell."""

    numbers: VectorNumbers
    reductions: Reductions
    buckets: Buckets
    """For curves."""

    resampled: ResampledTables
    """At the user's precision."""


def measure(
    results: ResultSet,
    vectors: pa.Table,
    run_ends_s: Mapping[str, float],
    *,
    precision_s: float,
    spill_dir: Path,
    progress: Callable[[float], None],
) -> Measured:
    """Go through the samples of all vectors once, in file order.

    Memory grows with the number of vectors and of rows at the precision, not with samples; large tables lie in
    temporary files below `spill_dir`.

    Raises:
        StatisticsError: the samples of a vector are out of order.
        ResultFormatError: a result file turned out to be damaged.
    """
    ends_s = np.array([run_ends_s[run] for run in vectors["run"].to_pylist()], dtype=float)
    reductions = new_reductions(results, vectors, run_ends_s)
    buckets = Buckets(modes_of(vectors), ends_s, buckets=bucket_count(vectors.num_rows))
    resampled = ResampledTables(results, vectors, ends_s, precision_s, spill_dir)
    _go_through(results, vectors, [reductions, buckets, *resampled.consumers], progress)
    return Measured(
        numbers=VectorNumbers(results, vectors, run_ends_s, reductions),
        reductions=reductions,
        buckets=buckets,
        resampled=resampled,
    )


def _go_through(
    results: ResultSet,
    vectors: pa.Table,
    consumers: list[Consumer],
    progress: Callable[[float], None],
) -> None:
    grouping = Grouping(vectors["vector"].to_numpy())
    total = sum(count or 0 for count in vectors["count"].to_pylist()) or 1
    done = 0
    for batch in results.all_samples():
        samples = grouping.group(batch)
        if samples is not None:
            for consumer in consumers:
                consumer.take(samples)
        done += batch.num_rows
        progress(min(1.0, done / total))
