"""Stage 1: the submitted files and a run become result files and a log.

What was recorded goes on, whatever happened: the outcome says how the run ended, and only an outcome of
`completed` is whole.  What it speaks of is on the disk by then.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from simcrate.errors import DiskFullError, SimulationError, WorkEndedError
from simcrate.inifile import Generation
from simcrate.pipeline.jobs import Progress, RunOutcome, RunSpec, RunState, Submission
from simcrate.pipeline.place import Place, giving_way
from simcrate.pipeline.resultdir import bring_home, expect_away, flush_run
from simcrate.pipeline.watch import Watch
from simcrate.simulators import (
    Ending,
    EndingKind,
    Followed,
    Limits,
    ProcessEnd,
    Reader,
    RunArguments,
    Sandbox,
    Simulator,
    SimulatorKind,
    command_of,
    follow,
    kill_superseded,
    provide,
    reader_of,
)
from simcrate.simulators.removal import remove_tree

log = logging.getLogger(__name__)

STAGE = "simulate"
SHOW_S = 0.2  # a simulator may print a million lines; nobody reads them that fast


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateJob:
    """One run of a submission."""

    submission: Submission
    run: RunSpec
    simulator: Simulator
    sandbox: Sandbox
    limits: Limits


def simulate(job: SimulateJob, place: Place, watch: Watch) -> RunOutcome:
    """Run the simulator to its end, or until the watch says stop.

    Returns:
        how it ended; a log or results that the disk did not take make it `failed`.

    Raises:
        SimulationError: the simulator is not what its definition says, or the run directory is not the same
            any more: another worker does the run by now, and what is there is that one's.
        WorkEndedError: the submitted files are not there any more; the run is done again.
        DiskFullError: there is no space to begin; what was started has ended.
        OSError: the run directory cannot be prepared, or the simulator not be started.
    """
    number = job.run.number
    arguments = RunArguments(
        ini_name=job.submission.ini_name,
        config=job.submission.config,
        number=number,
        result_dir=job.simulator.result_dir,
    )
    command = command_of(job.simulator, arguments, job.sandbox)
    reader = reader_of(job.simulator)

    show_at = 0.0

    def on_line(line: str) -> None:
        nonlocal show_at
        reader.read(line)
        if (now := time.monotonic()) >= show_at:
            watch.show(_progress(reader))
            show_at = now + SHOW_S

    started_at = datetime.now(UTC)
    with DiskFullError.told_for(f"prepare run {number}"):
        run_dir = _taken_over(place, number)
    with giving_way(run_dir) as is_the_same:
        with DiskFullError.told_for(f"prepare run {number}"):
            program = _program(job, place, command)
        end = follow(program, on_line=on_line, stop=watch.stop)
        if not is_the_same():
            message = "the directory of the run was taken away while its simulator was running"
            raise SimulationError(message)
    watch.show(_progress(reader))
    ending = reader.ending(end.exit_code)
    state = _state(ending, end, watch.ends_as)
    outcome = RunOutcome(
        number=number,
        state=state,
        reason=_reason(ending, end, state),
        command=command,
        exit_code=end.exit_code,
        started_at=started_at.isoformat(timespec="milliseconds"),
        ended_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        wall_time_s=round(end.wall_time_s, 3),
        cpu_time_s=round(end.cpu_time_s, 3),
        peak_memory_bytes=end.peak_memory_bytes,
        disk_bytes=end.peak_disk_bytes,
        sim_time_s=reader.sim_time_s,
        event_count=reader.event_count,
        simulator_version=reader.version,
        simulator_url=job.simulator.url,
        limits=_limit_facts(job.limits),
        itervars=job.run.itervars,
        repetition=job.run.repetition,
        generation=_generation(job.simulator),
    )
    return _kept(outcome, job.sandbox, place)


def _remove_temporary(sandbox: Sandbox, working_dir: Path) -> None:
    """The rest of the directory stays for days; no run is lost for what is only in the way."""
    for directory in sandbox.temporary_dirs(working_dir):
        try:
            remove_tree(directory)
        except OSError as error:
            log.warning("temporary_files.kept", extra={"why": error.strerror})


def _kept(outcome: RunOutcome, sandbox: Sandbox, place: Place) -> RunOutcome:
    """The outcome, once its results are ours, where everybody looks, and no power cut can make it untrue."""
    working_dir = place.working_dir(outcome.number)
    try:
        sandbox.take_back(working_dir)
        _remove_temporary(sandbox, working_dir)
        bring_home(place, outcome.number)
        flush_run(place, outcome.number)
    except OSError as error:
        reason = f"{outcome.reason} Its results could not be kept: {error.strerror}."
        return replace(outcome, state=RunState.FAILED, reason=reason.strip())
    return outcome


def _generation(simulator: Simulator) -> Generation | None:
    return simulator.generation if simulator.kind is SimulatorKind.OMNETPP else None


def _limit_facts(limits: Limits) -> dict[str, str]:
    facts = {
        "memory": (limits.memory_bytes, "bytes"),
        "disk": (limits.disk_bytes, "bytes"),
        "wall time": (limits.wall_time_s, "s"),
        "CPU time": (limits.cpu_time_s, "s"),
    }
    return {name: f"{value} {unit}" for name, (value, unit) in facts.items() if value}


def _progress(reader: Reader) -> Progress:
    return Progress(
        stage=STAGE,
        percent=reader.percent,
        event_count=reader.event_count,
        sim_time_s=reader.sim_time_s,
        events_per_s=reader.events_per_s,
        sim_s_per_s=reader.sim_s_per_s,
        messages_present=reader.messages_present,
        first_error=reader.first_error,
        log_tail=reader.tail,
        log_lines=reader.line_count,
    )


def _program(job: SimulateJob, place: Place, command: tuple[str, ...]) -> Followed:
    """The command in its sandbox, with a working directory of its own."""
    number, simulator = job.run.number, job.simulator
    working_dir = place.working_dir(number)
    if not place.copy_inputs(working_dir):
        message = (
            "the submitted files were let go of; whoever takes the run next fetches them again"
        )
        raise WorkEndedError(message)
    provide(simulator, working_dir)
    expect_away(place, number, simulator.result_dir)
    job.sandbox.own(working_dir)
    return Followed(
        command=job.sandbox.wrap(
            command,
            working_dir=working_dir,
            readable=simulator.readable_paths,
            limits=job.limits,
        ),
        working_dir=working_dir,
        log_path=place.log_path(number),
        identity_dir=place.run_dir(number),
        environment=simulator.environment,
        limits=job.limits,
    )


def _taken_over(place: Place, number: int) -> Path:
    """An empty run directory.

    A worker that was paused or cut off may still follow its simulator there: the name is taken from both first,
    so that whoever wakes up sees that the directory is no longer its own.
    """
    run_dir = place.run_dir(number)
    aside = run_dir.with_name(f"{number}.superseded")
    _clear(aside)
    with suppress(FileNotFoundError):
        run_dir.rename(aside)
        _clear(aside)
    return place.fresh(run_dir)


def _clear(run_dir: Path) -> None:
    if kill_superseded(run_dir):
        log.warning("simulator.superseded", extra={"run_dir": str(run_dir)})
    remove_tree(run_dir)


def _state(ending: Ending, end: ProcessEnd, ends_as: RunState) -> RunState:
    if end.exceeded:
        return RunState.LIMITED
    if end.log_failure:
        return RunState.FAILED
    if end.was_stopped and ending.kind is not EndingKind.COMPLETE:
        return ends_as
    return {
        EndingKind.COMPLETE: RunState.COMPLETED,
        EndingKind.LIMIT: RunState.LIMITED,
        EndingKind.SIGNAL: RunState.STOPPED,
        EndingKind.ERROR: RunState.FAILED,
    }[ending.kind]


def _reason(ending: Ending, end: ProcessEnd, state: RunState) -> str:
    if end.was_stopped and state is not RunState.COMPLETED:
        return f"It was {state} by request: {ending.reason}"
    if end.log_failure and not end.exceeded:
        return (
            f"Its log could not be written ({end.log_failure}); what it had recorded is kept. "
            "Make room on the disk of its machine, then submit it again."
        )
    return end.exceeded or ending.reason
