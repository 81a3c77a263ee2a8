"""Stage 4: a result set becomes tables, figures, a report and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simcrate.crate import Choice
from simcrate.pipeline.jobs import RunOutcome, RunState, Submission, tally_of
from simcrate.pipeline.watch import Watch
from simcrate.results import ResultSet
from simcrate.statistics import Parts, find_catalogue, write_statistics

STAGE = "statistics"
SHOWN = 5  # runs by number; all of them are in the run.json of the crate


def compute(
    results: ResultSet,
    out_dir: Path,
    submission: Submission,
    outcomes: Sequence[RunOutcome],
    watch: Watch,
) -> Mapping[str, Any]:
    """Write `csv/`, `figures/`, `report.html` and `statistics.json` below `out_dir`.

    Returns:
        the summary for the portal's pages, as JSON.

    Raises:
        StatisticsError: nothing could be computed; what was written before stays.
    """
    summary = write_statistics(
        results,
        out_dir,
        precision_s=submission.precision_s,
        catalogue=find_catalogue(results),
        parts=_parts(submission),
        facts=_facts(results, submission, outcomes),
        ends_s=_ends_s(results, outcomes),
        unfinished=_unfinished(results, outcomes),
        progress=lambda share: watch.show_stage(STAGE, 100 * share),
    )
    return summary.to_json()


def _parts(submission: Submission) -> Parts:
    left_out = submission.left_out
    return Parts(
        csv=Choice.CSV not in left_out,
        figures=Choice.FIGURES not in left_out,
        parquet=Choice.PARQUET not in left_out,
    )


def _ends_s(results: ResultSet, outcomes: Sequence[RunOutcome]) -> Mapping[str, float]:
    """When each run ended, in simulated seconds by run ID: what the last samples cannot tell.

    One that did not complete has not reached its limit, whether or not it said how far it came.
    """
    by_number = {
        outcome.number: outcome.sim_time_s
        for outcome in outcomes
        if outcome.sim_time_s or outcome.state is not RunState.COMPLETED
    }
    return {run.id: by_number[run.number] for run in results.runs if run.number in by_number}


def _unfinished(results: ResultSet, outcomes: Sequence[RunOutcome]) -> Mapping[str, str]:
    """How the runs ended that did not complete, by run ID; their files may look whole."""
    states = {outcome.number: outcome.state for outcome in outcomes}
    ended = {run.id: states[run.number] for run in results.runs if run.number in states}
    return {run: state for run, state in ended.items() if state is not RunState.COMPLETED}


def _facts(
    results: ResultSet, submission: Submission, outcomes: Sequence[RunOutcome]
) -> Mapping[str, str]:
    numbers = {run.number for run in results.runs}
    silent = [] if None in numbers else [o for o in outcomes if o.number not in numbers]
    return {
        "Title": submission.title,
        "Simulator": submission.simulator,
        "Configuration": submission.config,
        "Runs": tally_of(Counter(outcome.state for outcome in outcomes)),
        **({"Without results": _some_runs(silent)} if silent else {}),
        "Submitted": f"{submission.submitted_at:%Y-%m-%d %H:%M} UTC",
    }


def _some_runs(outcomes: Sequence[RunOutcome]) -> str:
    first = ", ".join(f"run {one.number} ({one.state})" for one in outcomes[:SHOWN])
    return f"{first} and {len(outcomes) - SHOWN} more" if len(outcomes) > SHOWN else first
