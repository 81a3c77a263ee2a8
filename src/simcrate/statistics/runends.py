"""When each run ended, in simulated seconds.

Result files do not say it.  What a simulator told (`told_s`) is best; else the `sim-time-limit`, unless the run is
incomplete or may have ended early at a limit of computing time; else the last sample.

Source: definition 14 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet, Run
from simcrate.statistics.quantity import configured_seconds

NEAR_THE_LIMIT = (
    0.9  # a last sample in the last tenth of the time says that the run went on to its limit
)
COMPUTING_LIMITS = ("cpu-time-limit", "real-time-limit")


def run_ends_s(
    results: ResultSet, vectors: pa.Table, told_s: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The end of every run, by run ID; 0 for a run that nothing is known of, and never before its last sample.

    Args:
        results: the runs, and which of them are incomplete.
        vectors: their table of vectors.
        told_s: ends that a simulator reported, by run ID.
    """
    last_s = _last_samples_s(vectors)
    cut_off = {incomplete.run for incomplete in results.incomplete}
    ends = {}
    for run in results.runs:
        last = last_s.get(run.id, 0.0)
        end = (told_s or {}).get(run.id)
        if end is None and run.id not in cut_off:
            end = _limit_s(run, last)
        ends[run.id] = max(end or 0.0, last)
    return ends


def doubtful_ends(
    results: ResultSet, vectors: pa.Table, told_s: Mapping[str, float] | None = None
) -> Iterator[tuple[Run, float, float]]:
    """Runs that recorded nothing in the last tenth of their time, and whose end nobody told.

    Yields:
        The run, its last sample and its `sim-time-limit`, both in simulated seconds.
    """
    last_s = _last_samples_s(vectors)
    for run in results.runs:
        limit = configured_seconds(run.config, "sim-time-limit")
        last = last_s.get(run.id)
        if limit is None or last is None or run.id in (told_s or {}):
            continue
        if last < NEAR_THE_LIMIT * limit:
            yield run, last, limit


def _limit_s(run: Run, last_s: float) -> float | None:
    """The time limit of a run that probably reached it."""
    limit = configured_seconds(run.config, "sim-time-limit")
    may_end_early = any(key in COMPUTING_LIMITS for key, _ in run.config)
    if limit and may_end_early and last_s < NEAR_THE_LIMIT * limit:
        return None
    return limit


def _last_samples_s(vectors: pa.Table) -> dict[str, float]:
    if not vectors.num_rows:
        return {}
    grouped = vectors.group_by("run").aggregate([("last_time_s", "max")])
    last = grouped["last_time_s_max"].to_numpy(zero_copy_only=False).astype(float)
    return {
        run: float(time)
        for run, time in zip(grouped["run"].to_pylist(), np.nan_to_num(last), strict=True)
        if not math.isinf(time)
    }
