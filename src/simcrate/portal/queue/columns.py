"""Progress and outcomes, as columns of rows and back."""

from __future__ import annotations

from django.db.models import F

from simcrate.pipeline.jobs import Progress, RunOutcome, RunState
from simcrate.portal.simulations.models import Run


def run_progress(progress: Progress | None) -> dict[str, object]:
    """Columns of a run."""
    if progress is None:
        return {}
    reason: dict[str, object] = {"reason": progress.waits_for}
    if not progress.stage:
        return reason
    return reason | {
        "percent": progress.percent,
        "event_count": progress.event_count,
        "sim_time_s": progress.sim_time_s,
        "events_per_s": progress.events_per_s,
        "sim_s_per_s": progress.sim_s_per_s,
        "messages_present": progress.messages_present,
        "first_error": progress.first_error,
        "log_tail": progress.log_tail,
        "log_lines": progress.log_lines,
    }


def stage_progress(progress: Progress | None) -> dict[str, object]:
    """Columns of a simulation."""
    return {"stage": progress.stage, "percent": progress.percent} if progress else {}


def sent(progress: Progress | None) -> dict[str, object]:
    """Column of a delivery: percent to bytes, in the database, whose row knows the size."""
    return {"sent_bytes": F("size_bytes") * progress.percent / 100} if progress else {}


def outcome_of(run: Run) -> RunOutcome:
    """How the run ended, also where no worker could write an outcome."""
    if run.outcome is not None:
        return RunOutcome.from_json(run.outcome)
    return RunOutcome(
        number=run.number,
        state=RunState(run.state),
        reason=run.reason,
        itervars=run.itervars,
        repetition=run.repetition,
    )
