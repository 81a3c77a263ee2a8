"""The one pass over all samples, and everything that it leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.errors import ResultFormatError, StatisticsError
from simcrate.results import Kind, ResultSet
from simcrate.statistics.buckets import Buckets, bucket_count
from simcrate.statistics.reductions import Reductions
from simcrate.statistics.resampledtables import ResampledTables
from simcrate.statistics.runends import run_ends_s
from simcrate.statistics.samples import Consumer, Grouping
from simcrate.statistics.vectornumbers import VectorNumbers, modes_of, new_reductions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the samples of all vectors tell."""

    vectors: pa.Table
    """The table of vectors; empty where they could not be read."""

    run_ends_s: Mapping[str, float]
    """By run ID, simulated seconds."""

    numbers: VectorNumbers
    reductions: Reductions
    buckets: Buckets
    """For curves."""

    resampled: ResampledTables
    """At the user's precision."""

    trouble: str = ""
    """Why there are no vectors, as a sentence; empty: nothing happened."""


def measure(
    results: ResultSet,
    told_ends_s: Mapping[str, float] | None,
    *,
    precision_s: float,
    spill_dir: Path,
    progress: Callable[[float], None],
) -> Measured:
    """Go through the samples of all vectors once, in file order.

    Memory grows with the number of vectors and of rows at the precision, not with samples; large tables lie in
    temporary files below `spill_dir`.

    Damaged samples must not cost the scalars: where vectors cannot be read, the result has none, and says why.

    Raises:
        ResultFormatError: a file is so damaged that it does not even tell its runs.
    """
    try:
        vectors = results.vectors()
        measured = _prepared(results, vectors, told_ends_s, precision_s, spill_dir)
        consumers: list[Consumer] = [measured.reductions, measured.buckets]
        consumers += measured.resampled.consumers
        _go_through(results, vectors, consumers, progress)
    except (ResultFormatError, StatisticsError) as error:
        log.warning("vectors.not_read", exc_info=True)
        nothing = _prepared(
            results, Kind.VECTORS.schema.empty_table(), told_ends_s, precision_s, spill_dir
        )
        return replace(nothing, trouble=f"Nothing is told of vectors: {error}")
    return measured


def _prepared(
    results: ResultSet,
    vectors: pa.Table,
    told_ends_s: Mapping[str, float] | None,
    precision_s: float,
    spill_dir: Path,
) -> Measured:
    run_ends = run_ends_s(results, vectors, told_ends_s)
    ends_s = np.array([run_ends[run] for run in vectors["run"].to_pylist()], dtype=float)
    reductions = new_reductions(results, vectors, run_ends)
    return Measured(
        vectors=vectors,
        run_ends_s=run_ends,
        numbers=VectorNumbers(results, vectors, run_ends, reductions),
        reductions=reductions,
        buckets=Buckets(modes_of(vectors), ends_s, buckets=bucket_count(vectors.num_rows)),
        resampled=ResampledTables(results, vectors, ends_s, precision_s, spill_dir),
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
