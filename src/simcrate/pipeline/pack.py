"""Stage 5: everything that is there becomes one crate in the spool.

It packs whatever earlier stages left: at least the submitted files, the logs and `run.json`.
"""

from __future__ import annotations

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from simcrate import __version__
from simcrate.crate import (
    CrateContents,
    Event,
    Member,
    PackedCrate,
    Provenance,
    Role,
    RunRecord,
    gather,
    layout,
    pack_crate,
)
from simcrate.durable import flush_all
from simcrate.pipeline.asrun import AsRun, as_run
from simcrate.pipeline.jobs import RunOutcome, Submission, tally_of
from simcrate.pipeline.leftover import Leftover
from simcrate.pipeline.place import Place
from simcrate.pipeline.resultdir import gather_results
from simcrate.pipeline.watch import Watch

STAGE = "pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackJob:
    """What goes into one crate."""

    submission: Submission
    outcomes: Sequence[RunOutcome]
    problems: Sequence[str]
    """One sentence for each stage that failed."""
    content_digest: str
    """Of the parsed results; empty where there are none."""
    recorded: Mapping[Path, str] = field(default_factory=dict)
    """SHA-256 of result files as they were collected, by resolved path."""


def pack(job: PackJob, place: Place, target: Path, watch: Watch) -> PackedCrate:
    """Write the crate; an interrupted attempt leaves nothing under the target's name.

    Raises:
        DiskFullError: there is no space for it; everything is kept.
        CrateError: it could not be written; everything is kept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    started = [outcome for outcome in job.outcomes if place.log_path(outcome.number).is_file()]
    own_inis = as_run(job.submission, started, place.input_dir / job.submission.ini_name)
    seeds = _write_inis(own_inis, place.made_dir)
    contents = CrateContents.of(_parts(job, place)).without(job.submission.left_out)

    def show(done_bytes: int, total_bytes: int) -> None:
        watch.show_stage(STAGE, 100 * done_bytes / (total_bytes or 1))

    packed = pack_crate(contents, _provenance(job, contents, seeds), target, progress=show)
    flush_all((target.parent,), below=place.var_dir)  # which is new, as its delivery is
    return packed


def _write_inis(own_inis: Iterable[AsRun], made_dir: Path) -> dict[int, int]:
    """Returns the set of seeds of each run."""
    (made_dir / layout.AS_RUN).mkdir(parents=True, exist_ok=True)
    seeds = {}
    for own in own_inis:
        (made_dir / _ini_of(own.number)).write_text(own.text)
        seeds[own.number] = own.seed_set
    return seeds


def _parts(job: PackJob, place: Place) -> Iterator[CrateContents]:
    yield gather(place.input_dir, layout.INPUT)
    yield gather(place.made_dir, "")
    for outcome in job.outcomes:
        results = gather_results(place.result_dir(outcome.number), _results_of(outcome.number))
        yield _recorded(results, job.recorded)
        yield _refused_elsewhere(place.leftover_path(outcome.number), _results_of(outcome.number))
        log_path = place.log_path(outcome.number)
        if log_path.is_file():
            member = Member(source=log_path, name=_log_of(outcome.number), role=Role.LOG)
            yield CrateContents(members=(member,))


def _refused_elsewhere(record_path: Path, under: str) -> CrateContents:
    """No members: what the part of a run from another machine could not hold."""
    if not record_path.exists():
        return CrateContents(members=())
    refused = Leftover.from_json(record_path.read_bytes()).refused
    named = tuple(replace(one, name=under + one.name) for one in refused)
    return CrateContents(members=(), refused=named)


def _recorded(contents: CrateContents, recorded: Mapping[Path, str]) -> CrateContents:
    """The same members, each with the digest that was taken when its run had ended."""
    members = (
        replace(member, sha256=recorded.get(member.source, "")) for member in contents.members
    )
    return CrateContents(members=tuple(members), refused=contents.refused)


def _results_of(number: int) -> str:
    return f"{layout.RESULTS}run-{number}/"


def _ini_of(number: int) -> str:
    return f"{layout.AS_RUN}run-{number}.ini"


def _log_of(number: int) -> str:
    return f"{layout.LOGS}run-{number}.log"


def _provenance(job: PackJob, contents: CrateContents, seeds: Mapping[int, int]) -> Provenance:
    submission = job.submission
    started = [outcome for outcome in job.outcomes if outcome.started_at]
    names = _names_by_place(contents)
    return Provenance(
        title=submission.title,
        description=_description(job),
        # a time that every attempt at packing agrees on
        created_at=max(
            (datetime.fromisoformat(outcome.ended_at) for outcome in started),
            default=submission.submitted_at,
        ),
        licence=submission.licence,
        submitter=submission.submitter,
        keywords=("simulation", submission.simulator),
        simulator=submission.simulator,
        simulator_version=next((o.simulator_version for o in started), ""),
        simulator_url=next((o.simulator_url for o in started), ""),
        runs=tuple(
            replace(
                _record(submission, outcome, names),
                seeds=(seeds[outcome.number],) if outcome.number in seeds else (),
            )
            for outcome in job.outcomes
        ),
        host=_host_facts(),
        limits=_limits(job.outcomes),
        content_digest=job.content_digest,
    )


def _description(job: PackJob) -> str:
    runs = tally_of(Counter(outcome.state for outcome in job.outcomes))
    text = f"Results of the configuration {job.submission.config} of {job.submission.ini_name}. Runs: {runs}."
    return " ".join([text, *job.problems])


def _names_by_place(contents: CrateContents) -> Mapping[str, list[str]]:
    """The members that a run may have for itself: by their directory below the top, or by themselves."""
    names = defaultdict(list)
    for member in contents.members:
        top, _, rest = member.name.partition("/")
        below, slash, _ = rest.partition("/")
        names[f"{top}/{below}{slash}"].append(member.name)
    return names


def _record(
    submission: Submission, outcome: RunOutcome, names: Mapping[str, list[str]]
) -> RunRecord:
    record = RunRecord(
        number=outcome.number,
        config=submission.config,
        itervars=outcome.itervars,
        repetition=outcome.repetition,
        state=outcome.state,
        reason=outcome.reason,
        inputs=tuple(names[_ini_of(outcome.number)]),
        results=(*names[_results_of(outcome.number)], *names[_log_of(outcome.number)]),
    )
    if not outcome.started_at:
        return record
    return replace(
        record,
        command=_portable(outcome.command),
        started_at=datetime.fromisoformat(outcome.started_at),
        ended_at=datetime.fromisoformat(outcome.ended_at),
        exit_code=outcome.exit_code,
        sim_time_s=outcome.sim_time_s,
        event_count=outcome.event_count,
        cpu_time_s=outcome.cpu_time_s,
        peak_memory_bytes=outcome.peak_memory_bytes,
        peak_disk_bytes=outcome.disk_bytes,
        events=_events(outcome),
    )


def _events(outcome: RunOutcome) -> tuple[Event, ...]:
    """That it was started, and how it came to its end: by itself, at a limit, or because it was told to."""
    ended = f"{outcome.state}: {outcome.reason}" if outcome.reason else str(outcome.state)
    return (
        Event(at=datetime.fromisoformat(outcome.started_at), text="started"),
        Event(at=datetime.fromisoformat(outcome.ended_at), text=ended),
    )


def _limits(outcomes: Sequence[RunOutcome]) -> dict[str, str]:
    """What each run was allowed to use; both values where an administrator changed one between runs."""
    values: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        for name, value in outcome.limits.items():
            values.setdefault(name, {})[value] = None
    return {name: " or ".join(given) for name, given in values.items()}


def _portable(command: Sequence[str]) -> tuple[str, ...]:
    """The command without the directory of the program: a path of the worker means nothing elsewhere."""
    program, *arguments = command
    return (os.path.basename(program), *arguments)  # noqa: PTH119 - a name, not a path of ours


def _host_facts() -> dict[str, str]:
    """What a reader of results may want of the machine; nothing that names it."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cores": str(os.cpu_count() or 1),
        "python": platform.python_version(),
        "simcrate": __version__,
    }
