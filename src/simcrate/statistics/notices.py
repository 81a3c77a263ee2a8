"""What the reader of a report should know before believing it: run facts, what is missing, warnings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from simcrate.results import ResultSet
from simcrate.statistics.catalogue import Catalogue
from simcrate.statistics.experiments import mixed_points
from simcrate.statistics.reductions import Reductions
from simcrate.statistics.repetitions import identical_repetitions
from simcrate.statistics.rows import Row
from simcrate.statistics.runends import doubtful_ends
from simcrate.statistics.summary import Missing, RunFact
from simcrate.statistics.warmup import configured_warmup_s

SHOWN = 8  # names in a warning
_WORD_WITH_DIGIT = re.compile(r"\S*\d\S*")


def warnings_about(
    results: ResultSet,
    vectors: pa.Table,
    rows: Sequence[Row],
    catalogue: Catalogue | None = None,
    ends_s: Mapping[str, float] | None = None,
) -> Iterator[str]:
    """Everything that makes numbers worth less than they look, one sentence each.

    Args:
        results: what was recorded.
        vectors: its table of vectors.
        rows: the table of statistics.
        catalogue: what should have been recorded.
        ends_s: simulated seconds at which runs ended, by run ID, as far as the simulator said so.
    """
    for incomplete in results.incomplete:
        yield f"{incomplete.file.name}: {incomplete.why}"
    yield from results.warnings
    yield from mixed_points(results.runs)
    for point, count in identical_repetitions(results, vectors):
        yield (
            f"{count} repetitions of {point.label or 'the same configuration'} recorded exactly the same numbers: "
            "their seeds are probably pinned in the ini file (seed-*-mt), and their interval means nothing."
        )
    for run, last, limit in doubtful_ends(results, vectors, ends_s):
        yield (
            f"Run {run.id} recorded nothing between {last:g} s and its limit of {limit:g} s; "
            "if it ended early, its averages over time are of too long a time."
        )
    yield from _infinite(rows)
    if catalogue is not None:
        yield from _not_recorded(rows, catalogue)


def unfinished_runs(unfinished: Mapping[str, str]) -> Iterator[str]:
    """Runs that did not complete, by run ID, with how they ended; nothing in their files need say so."""
    for run, ended in unfinished.items():
        yield f"Run {run} has not completed ({ended}): all numbers take in what it recorded until then."


def lost_samples(vectors: pa.Table, reductions: Reductions) -> Iterator[str]:
    """Samples that the index of vectors counts and that were not found in their file."""
    counted = np.nan_to_num(vectors["count"].to_numpy(zero_copy_only=False).astype(float))
    lost = counted - reductions.count
    if (lost > 0).any():
        yield (
            f"{int(lost[lost > 0].sum())} samples of {int((lost > 0).sum())} vectors stand in the index "
            "and were not found in the data; the file is probably damaged."
        )


def folded(warnings: Iterable[str]) -> tuple[str, ...]:
    """Warnings that differ only in words with digits, such as file names, told once and counted."""
    alike: dict[str, list[str]] = defaultdict(list)
    for warning in dict.fromkeys(warnings):
        alike[_WORD_WITH_DIGIT.sub("", warning)].append(warning)
    return tuple(
        group[0] if len(group) == 1 else f"{group[0]} (and {len(group) - 1} more like this)"
        for group in alike.values()
    )


def run_facts(results: ResultSet, run_ends_s: Mapping[str, float]) -> tuple[RunFact, ...]:
    """Every run in a line."""
    cut_off = {incomplete.run for incomplete in results.incomplete}
    return tuple(
        RunFact(
            id=run.id,
            config=run.config_name,
            number=run.number,
            repetition=run.repetition,
            network=run.attributes.get("network", ""),
            itervars=dict(run.itervars),
            end_s=run_ends_s[run.id],
            warmup_s=configured_warmup_s(run.config),
            is_complete=run.id not in cut_off,
        )
        for run in results.runs
    )


def missing(results: ResultSet, reductions: Reductions) -> Missing:
    """How much of what was recorded is no number."""
    scalars = results.scalars()["value"].to_numpy(zero_copy_only=False)
    return Missing(
        scalars=int(scalars.size),
        nan_scalars=int(np.isnan(scalars).sum()),
        inf_scalars=int(np.isinf(scalars).sum()),
        vectors=int(reductions.count.size),
        empty_vectors=int((reductions.count == 0).sum()),
        samples=int(reductions.count.sum()),
        nan_samples=int(reductions.nan_count.sum()),
        inf_samples=int(reductions.inf_count.sum()),
    )


def _infinite(rows: Sequence[Row]) -> Iterator[str]:
    names = list(dict.fromkeys(row.display for row in rows if row.inf_count or row.inf_samples))
    if names:
        yield (
            f"Infinite values take no part in means and are counted as missing: {_some(names)}. "
            "A model usually records them when it divides by zero."
        )


def _not_recorded(rows: Sequence[Row], catalogue: Catalogue) -> Iterator[str]:
    there = {row.statistic for row in rows}
    absent = [entry.name for entry in catalogue.entries if entry.name not in there]
    if absent:
        yield f"{len(absent)} of the catalogue's {len(catalogue.entries)} statistics were not recorded: {_some(absent)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )
