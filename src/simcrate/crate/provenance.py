"""How the content of a crate came to be, and `run.json`, which says so.

Holds what the caller states and nothing else: no environment variables are read, and the exact values of
all secrets known to this process are masked in what is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simcrate import __version__
from simcrate.crate.contents import CrateContents
from simcrate.errors import CrateError
from simcrate.secret import scrub

RUN_SCHEMA = 1
"""Version of the format of `run.json`; docs/reference/crate.md describes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a run: it was started, paused, moved, stopped at a limit."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as it was executed.  None means: not known, or it never came so far."""

    number: int
    config: str = ""
    itervars: Mapping[str, str] = field(default_factory=dict)
    repetition: int | None = None
    seeds: tuple[int, ...] = ()
    command: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    """Negative: killed by that signal."""

    state: str = ""
    """`completed`, `limited`, `stopped`, `cancelled` or `failed`; empty: not known."""

    reason: str = ""
    """Why it ended as it did, in a sentence."""

    sim_time_s: float | None = None
    event_count: int | None = None
    cpu_time_s: float | None = None
    peak_memory_bytes: int | None = None
    peak_disk_bytes: int | None = None
    events: tuple[Event, ...] = ()
    inputs: tuple[str, ...] = ()
    """Names of the members that were made for it alone, beside what all runs were given."""

    results: tuple[str, ...] | None = None
    """Names of the members that it left, its log included; None: not known which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a crate says about itself.

    Raises:
        CrateError: a time is not aware.
    """

    title: str
    description: str
    created_at: datetime
    """Goes into the crate: packing twice with one `created_at` gives the same bytes."""

    licence: str = ""
    """An SPDX identifier or an absolute URL; empty: the submitter stated none."""

    submitter: str = ""
    """A name; no address goes into a crate."""

    keywords: tuple[str, ...] = ()
    simulator: str = ""
    simulator_version: str = ""
    simulator_url: str = ""
    runs: tuple[RunRecord, ...] = ()
    host: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    content_digest: str = ""
    """Digest of the parsed results, equal for equal runs; empty where there are none."""

    def __post_init__(self) -> None:
        events = [event.at for run in self.runs for event in run.events]
        starts_and_ends = [at for run in self.runs for at in (run.started_at, run.ended_at) if at]
        if any(at.tzinfo is None for at in (self.created_at, *events, *starts_and_ends)):
            message = "could not record the provenance: a time without a time zone was given"
            raise CrateError(message)


def run_json(provenance: Provenance, contents: CrateContents) -> str:
    """The text of `run.json`."""
    return scrub(json.dumps(_record(provenance, contents), indent=2, ensure_ascii=False) + "\n")


def timestamp(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond where that is not 0; None stays None.

    RO-Crate's validators know no finer times, and no `Z`.
    """
    if at is None:
        return None
    precision = "milliseconds" if at.microsecond >= 1000 else "seconds"
    return at.astimezone(UTC).isoformat(timespec=precision)


def _record(provenance: Provenance, contents: CrateContents) -> dict[str, Any]:
    return {
        "schema": RUN_SCHEMA,
        "packed_by": f"SimCrate {__version__}",
        "title": provenance.title,
        "description": provenance.description,
        "created_at": timestamp(provenance.created_at),
        "submitter": provenance.submitter,
        "licence": provenance.licence,
        "keywords": list(provenance.keywords),
        "content_digest": provenance.content_digest,
        "simulator": {
            "name": provenance.simulator,
            "version": provenance.simulator_version,
            "url": provenance.simulator_url,
        },
        "host": dict(provenance.host),
        "limits": dict(provenance.limits),
        "runs": [_run(run) for run in provenance.runs],
        "renamed": _renamed(contents),
        "left_out": [{"name": one.name, "why": one.why} for one in contents.refused],
    }


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "number": run.number,
        "config": run.config,
        "itervars": dict(run.itervars),
        "repetition": run.repetition,
        "seeds": list(run.seeds),
        "command": list(run.command),
        "started_at": timestamp(run.started_at),
        "ended_at": timestamp(run.ended_at),
        "exit_code": run.exit_code,
        "state": run.state,
        "reason": run.reason,
        "sim_time_s": _finite(run.sim_time_s),
        "event_count": run.event_count,
        "cpu_time_s": _finite(run.cpu_time_s),
        "peak_memory_bytes": run.peak_memory_bytes,
        "peak_disk_bytes": run.peak_disk_bytes,
        "events": [{"at": timestamp(event.at), "text": event.text} for event in run.events],
        "inputs": list(run.inputs),
        "results": None if run.results is None else list(run.results),
    }


def _finite(value: float | None) -> float | None:
    """JSON knows no other numbers; one that is none is not known."""
    return value if value is not None and math.isfinite(value) else None


def _renamed(contents: CrateContents) -> Sequence[Mapping[str, str]]:
    return [
        {"name": member.name, "original": member.renamed_from}
        for member in contents.in_order()
        if member.renamed_from
    ]
