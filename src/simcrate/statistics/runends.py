"""When each run ended, in simulated seconds.

Result files do not say it.  What a simulator told (`ends_s`) is best; else the `sim-time-limit` of a run whose files
are complete, else its last sample.

Source: definition 14 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet
from simcrate.statistics.quantity import configured_seconds


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
        known = (told_s or {}).get(run.id)
        if known is None:
            known = None if run.id in cut_off else configured_seconds(run.config, "sim-time-limit")
        ends[run.id] = max(known or 0.0, last_s.get(run.id, 0.0))
    return ends


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
