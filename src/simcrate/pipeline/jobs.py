"""The frozen values that go into the pipeline and come out of it.

They hold no secrets.  An outcome crosses machines as JSON (`to_json`, `from_json`); the others are handed to
processes of the same version only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from simcrate.crate import Choice
from simcrate.inifile import Generation

STAGES = ("simulate", "collect", "parse", "statistics", "pack", "upload", "notify")
"""In the order of the story, as people see them."""


class RunState(StrEnum):
    """Where a run stands; all but the first two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    LIMITED = "limited"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self not in {RunState.QUEUED, RunState.RUNNING}


class Completion(StrEnum):
    """How many of the runs completed: whoever reads of results wants to know that first."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


def completion_of(counts: Mapping[RunState, int]) -> Completion:
    """Of runs that have ended, by how many are in which state."""
    completed = counts.get(RunState.COMPLETED, 0)
    if completed == sum(counts.values()):
        return Completion.ALL
    return Completion.SOME if completed else Completion.NONE


def tally_of(counts: Mapping[RunState, int]) -> str:
    """How many runs are in which state, as in `3 completed, 1 failed`."""
    return ", ".join(f"{counts[state]} {state}" for state in RunState if counts.get(state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A simulation as it was submitted; the same for all its runs."""

    id: UUID
    title: str
    simulator: str
    """Name of the simulator's definition."""
    ini_name: str
    """Name of the ini among the submitted files."""
    config: str
    run_filter: str
    precision_s: float
    """Simulated seconds between the rows of resampled tables."""
    submitter: str
    licence: str
    submitted_at: datetime
    left_out: frozenset[Choice] = frozenset()
    """Parts that the crate does without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run to be done."""

    number: int
    itervars: Mapping[str, str]
    repetition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How one run ended."""

    number: int
    state: RunState
    reason: str
    """Why it ended as it did, in a sentence that the owner reads."""
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    """Negative: killed by that signal; None: it never started."""
    started_at: str = ""
    """ISO 8601, UTC."""
    ended_at: str = ""
    wall_time_s: float = 0.0
    cpu_time_s: float = 0.0
    peak_memory_bytes: int = 0
    disk_bytes: int = 0
    sim_time_s: float = 0.0
    event_count: int = 0
    simulator_version: str = ""
    simulator_url: str = ""
    """Where the simulator is described, as its definition says."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """What it was allowed to use, for people; none where there was no limit."""
    itervars: Mapping[str, str] = field(default_factory=dict)
    repetition: int = 0
    generation: Generation | None = None
    """Whose rules hold for the lines of its ini; None: it never started, or only the simulator understands
    its settings."""

    def to_json(self) -> dict[str, Any]:
        """As `json.dumps` takes it."""
        plain = {"command": list(self.command)}
        return asdict(self) | plain | {"limits": dict(self.limits), "itervars": dict(self.itervars)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunOutcome:
        """What `to_json` gave, also that of another version: what this one does not know is left out."""
        known = {one.name: value[one.name] for one in fields(cls) if one.name in value}
        return cls(
            **{**known, "state": RunState(value["state"]), "command": tuple(value["command"])}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a stage shows while it works."""

    stage: str
    """Empty: nothing is new but what is waited for."""
    percent: float = 0.0
    """0 to 100, of this stage."""
    event_count: int = 0
    sim_time_s: float = 0.0
    events_per_s: float | None = None
    """Lately, as the simulator says; None: it does not."""
    sim_s_per_s: float | None = None
    """Simulated seconds in a second of the clock, lately; None: it does not say."""
    messages_present: int | None = None
    """In the simulated network; what only ever rises is a leak or an overload."""
    first_error: str = ""
    """The first line of output that is one."""
    log_tail: str = ""
    """The last lines of the simulator's output."""
    log_lines: int = 0
    """How many lines it has printed; the last of them are the tail."""
    waits_for: str = ""
    """A sentence: why a run that has ended is still held by its machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedSimulation:
    """What `finish` made: a crate in the spool, or the reason why there is none."""

    delivery_id: UUID
    file_name: str
    """`<slug>.zip`, below the delivery's directory in the spool."""
    size_bytes: int
    sha256: str
    summary: Mapping[str, Any]
    """Statistics, run facts and decimated series for the portal's pages; at most 2 MB as JSON."""
    problems: tuple[str, ...]
    """One sentence for each stage that failed."""
