"""What a worker does with a claim, from its start to the row that says how it ended."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import assert_never

from simcrate.delivery import DeliveryRecord, settle
from simcrate.durable import flush_all
from simcrate.errors import (
    CrateError,
    DiskFullError,
    PortError,
    SimCrateError,
    StorageError,
    UnforeseenError,
    WorkEndedError,
)
from simcrate.pipeline.jobs import RunOutcome, RunSpec, RunState
from simcrate.pipeline.notify import Outcome, Post, notify
from simcrate.pipeline.place import Place, giving_way
from simcrate.pipeline.simulate import SimulateJob, simulate
from simcrate.pipeline.upload import upload
from simcrate.pipeline.watch import Watch
from simcrate.simulators import SandboxKind, sandbox_of
from simcrate.storage import PatientBackends, StorageBackend
from simcrate.worker.facts import note_no_space
from simcrate.worker.finishing import finish_apart
from simcrate.worker.port import Claim, WorkerPort, WorkKind
from simcrate.worker.retrying import until_reached
from simcrate.worker.staging import Staging, fetch_parts, keep_here, stage_run

log = logging.getLogger(__name__)

GIVEN_BACK_PAUSE_S = 10.0
"""At the next beat it would end anyway: there is no lease any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every task of this worker uses."""

    var_dir: Path
    port: WorkerPort
    sandbox_kind: SandboxKind
    tags: frozenset[str]
    """What this worker has that some simulators need."""
    post: Post
    mail_from: str
    backends: PatientBackends
    least_free_bytes: int
    """Of the disk; with less this worker begins no runs."""
    staging: Staging | None
    """How runs are handed over between machines; None: this machine runs and packs."""

    def place(self, claim: Claim) -> Place:
        """The directories of the claim's simulation."""
        return Place(self.var_dir, claim.simulation_id)


def perform(bench: Bench, claim: Claim, watch: Watch) -> None:
    """Do the work of a claim; it ends with its rows written, or released for somebody else.

    This is an edge: whatever a task raises ends in a row or in the log, never in a dead thread.
    """
    match claim.kind:
        case WorkKind.RUN:
            task, give_up = _run, _run_failed
        case WorkKind.FINISH:
            task, give_up = _finish, _finish_failed
        case WorkKind.DELIVERY:
            task, give_up = _deliver, _delivery_failed
        case _:
            assert_never(claim.kind)
    try:
        task(bench, claim, watch)
    except WorkEndedError as error:
        log.info("task.let_go", extra=error.facts)
        _release(bench, claim, watch)
    except Exception as error:
        log.exception("task.failed")
        _record(partial(give_up, bench, claim, error), watch)


def _run(bench: Bench, claim: Claim, watch: Watch) -> None:
    """Simulate one run; where it could not begin for want of space or of the rows, give it back."""
    try:
        outcome = _simulated(bench, claim, watch)
    except (DiskFullError, PortError) as error:
        log.warning("run.given_back", extra=error.facts)
        if isinstance(error, DiskFullError):
            note_no_space(bench.var_dir)
        _release(bench, claim, watch)
        watch.stop.wait(GIVEN_BACK_PAUSE_S)  # or this worker would take it again at once
        return
    if bench.staging:
        outcome = _handed_over(bench.staging, claim, outcome, bench.place(claim), watch)
    log.info("run.ended", extra={"state": outcome.state, "why": outcome.reason})
    last = watch.take()
    _record(lambda: bench.port.end_run(claim, outcome, last), watch)


def _simulated(bench: Bench, claim: Claim, watch: Watch) -> RunOutcome:
    submission = bench.port.submission(claim)
    run = bench.port.run_spec(claim)
    place = bench.place(claim)
    _provide_inputs(bench, claim, place)
    simulator = bench.port.simulator(claim)
    job = SimulateJob(
        submission=submission,
        run=run,
        simulator=simulator,
        sandbox=sandbox_of(simulator, bench.sandbox_kind),
        limits=bench.port.limits(claim),
    )
    outcome = simulate(job, place, watch)
    if watch.abandoned.is_set():
        raise WorkEndedError
    return outcome


def _handed_over(
    staging: Staging, claim: Claim, outcome: RunOutcome, place: Place, watch: Watch
) -> RunOutcome:
    """The outcome, once the results are where the machine that packs finds them.

    Where they never will be they stay here, and the crate of the other runs does not wait for them.
    """
    try:
        stage_run(staging, claim, outcome.number, place, watch)
    except (CrateError, DiskFullError, StorageError, OSError) as error:
        log.exception("run.not_handed_over")
        keep_here(place, outcome.number, watch)
        reason = (
            f"{outcome.reason} Its results could not be handed over: {_sentence(error).rstrip('.')}. "
            "They stay on the machine that ran it until an administrator takes them from there."
        )
        return replace(outcome, state=RunState.FAILED, reason=reason.strip())
    return outcome


def _run_failed(bench: Bench, claim: Claim, error: Exception) -> None:
    run = bench.port.run_spec(claim)
    bench.port.end_run(claim, _failed_outcome(run, error))


def _failed_outcome(run: RunSpec, error: Exception) -> RunOutcome:
    return RunOutcome(
        number=run.number,
        state=RunState.FAILED,
        reason=f"The run could not be started: {_sentence(error)}",
        itervars=run.itervars,
        repetition=run.repetition,
    )


def _finish(bench: Bench, claim: Claim, watch: Watch) -> None:
    """Collect, parse, compute, pack."""
    job = bench.port.finish_job(claim)
    place = bench.place(claim)
    _provide_inputs(bench, claim, place)
    if bench.staging:
        fetch_parts(bench.staging, claim, place, watch)
    packed = finish_apart(job, place, watch)
    delivery = str(packed.delivery_id)
    log.info("crate.packed", extra={"delivery": delivery, "size_bytes": packed.size_bytes})
    _record(lambda: bench.port.packed(claim, packed), watch)


def _finish_failed(bench: Bench, claim: Claim, error: Exception) -> None:
    known = error if isinstance(error, SimCrateError) else CrateError(_sentence(error))
    bench.port.not_packed(claim, known)


def _deliver(bench: Bench, claim: Claim, watch: Watch) -> None:
    """Upload, verify, link, announce."""

    def backend() -> StorageBackend:
        return bench.backends.open(bench.port.storage_definition(claim), sleep=watch.sleep)

    def announce(record: DeliveryRecord) -> None:
        recipient = bench.port.recipient(claim)
        if not recipient.email:
            return
        outcome = Outcome(
            title=recipient.title,
            message_id=record.message_id,
            written_at=recipient.written_at,
            page_url=recipient.page_url,
            runs=recipient.runs,
            completion=recipient.completion,
            problems=(*recipient.problems, *record.warnings),
            link_url=record.link.url if record.link and not record.error else "",
            permalink_url=recipient.permalink_url,
            expires_at=record.expires_at,
            size_bytes=record.source.size_bytes,
            sha256=record.source.sha256,
            error=record.error,
        )
        notify(outcome, sender=bench.mail_from, recipient=recipient.email, post=bench.post)

    record = upload(bench.port.ledger(claim), backend, announce, watch)
    if bench.staging and record.announced:
        bench.staging.forget(claim, watch)
    _release(bench, claim, watch)


def _delivery_failed(bench: Bench, claim: Claim, error: Exception) -> None:
    known = error if isinstance(error, SimCrateError) else UnforeseenError(_sentence(error))
    settle(bench.port.ledger(claim), known)
    bench.port.release(claim)


def _provide_inputs(bench: Bench, claim: Claim, place: Place) -> None:
    """The submitted files, whole or not at all; several tasks of a simulation may come at once.

    What is there once is believed from then on, so that it must outlast a power cut.

    Raises:
        DiskFullError: there is no space for them.
    """
    if place.input_dir.exists():
        return
    arriving = place.simulation_dir / f"input.partial-{claim.kind}-{claim.id}"
    with DiskFullError.told_for("write the submitted files"):
        place.fresh(arriving)
    with giving_way(arriving), DiskFullError.told_for("write the submitted files"):
        bench.port.fetch_inputs(claim, arriving)
        flush_all(arriving.iterdir(), below=arriving)
    try:
        arriving.rename(place.input_dir)
    except OSError:  # another task was first
        shutil.rmtree(arriving)
    flush_all((place.simulation_dir,), below=place.var_dir)


def _record(write: Callable[[], None], watch: Watch) -> None:
    """Write a result that must not be lost: wait for rows that cannot be reached, while the work is ours."""
    try:
        until_reached(write, watch)
    except WorkEndedError as error:
        log.warning("task.superseded", extra=error.facts)


def _release(bench: Bench, claim: Claim, watch: Watch) -> None:
    _record(lambda: bench.port.release(claim), watch)


def _sentence(error: Exception) -> str:
    if isinstance(error, SimCrateError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return f"an unforeseen {type(error).__name__}; the worker's log has the details."
