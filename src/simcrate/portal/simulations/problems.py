"""What went wrong with a simulation, one sentence each, for its page and its mail."""

from __future__ import annotations

from collections.abc import Iterable

from simcrate.pipeline.jobs import RunState
from simcrate.portal.simulations.models import Run, Simulation

MOST_RUNS = 20
"""That are told one by one; thousands may have failed for one reason."""

_TOLD = {RunState.FAILED, RunState.LIMITED}


def problems_of(simulation: Simulation, runs: Iterable[Run]) -> tuple[str, ...]:
    """The stages that failed, then the runs that failed or were stopped at a limit."""
    told = [_sentence(run) for run in runs if run.state in _TOLD]
    left_out = len(told) - MOST_RUNS
    more = [f"… and {left_out:,} more runs; the page shows them."] if left_out > 0 else []
    return (*simulation.problems, *told[:MOST_RUNS], *more)


def _sentence(run: Run) -> str:
    """The reason, and the first error where the reason does not name it already."""
    error = run.first_error.removeprefix("<!> Error: ")
    is_told = not error or error[:100] in run.reason
    return f"Run {run.number}: {run.reason}" + ("" if is_told else f" Its first error: {error}")
