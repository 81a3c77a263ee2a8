"""What a worker needs of the rows, and nothing else: its port.

The portal implements it on its database.  Every method that writes is one transaction and carries the
fence of its claim: it raises `LeaseLostError` when somebody else has taken the work over.  All methods
raise `PortError` (retryable) while the rows cannot be reached.  Methods are called from several threads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from simcrate.delivery import Ledger
from simcrate.errors import SimCrateError
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import (
    Completion,
    PackedSimulation,
    Progress,
    RunOutcome,
    RunSpec,
    RunState,
    Submission,
)
from simcrate.simulators.definition import Limits, Simulator
from simcrate.storage import StorageDefinition


class WorkKind(StrEnum):
    """What can be claimed, in the order in which it is preferred: first what is nearest to a user."""

    DELIVERY = "delivery"
    FINISH = "finish"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One piece of work under one lease."""

    kind: WorkKind
    id: str
    """Of the run, the simulation or the delivery."""
    simulation_id: UUID
    owner: str
    fence: int
    run_number: int | None = None
    """None: it is not one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom to tell of a delivery, and what only the rows know."""

    email: str
    """Empty: nobody asked for mail, or no address is the owner's any more; the page shows the link."""
    title: str
    runs: str
    """How the runs ended, as in `3 completed, 1 failed`."""
    completion: Completion
    problems: tuple[str, ...]
    page_url: str
    permalink_url: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """What a worker shows of itself."""

    version: str
    sandbox: str
    """What it fences simulators in with."""
    sandbox_note: str
    """Why it cannot; empty: it can."""
    tags: frozenset[str]
    """What it has that some simulators need."""
    cores: int
    memory_bytes: int
    disk_free_bytes: int
    is_short_of_disk: bool
    """There is so little that it begins no runs."""
    tasks: int
    """How many pieces of work it has at the moment."""


class WorkerPort(Protocol):
    """The rows of runs, finishes and deliveries as one worker sees them."""

    def show(self, facts: WorkerFacts) -> bool:
        """Be seen; true when this worker is asked to drain: finish what it has, then end.

        What it is given later depends on what it has shown.
        """
        ...

    def simulator(self, claim: Claim) -> Simulator:
        """The simulator of the run that was claimed; raises `BadInputError` when there is none."""
        ...

    def recover(self, is_alive: Callable[[str], bool]) -> int:
        """Free what dead workers of this machine and expired leases of any machine hold.

        Returns how many pieces of work can be claimed again.
        """
        ...

    def claim(self, kinds: Collection[WorkKind]) -> Claim | None:
        """Take one piece of work of these kinds, or nothing."""
        ...

    def claim_run(self, run_id: str) -> Claim | None:
        """Take exactly this run, or nothing: it is taken, has ended, or is not for this machine."""
        ...

    def offered(self) -> tuple[str, ...]:
        """The names of the simulators whose runs this machine can be given, sorted."""
        ...

    def remind(self) -> None:
        """Tell the queue engine again of runs whose messages were lost; nothing where there is none."""
        ...

    def beat(self, beats: Mapping[Claim, Progress | None]) -> Collection[Claim]:
        """Renew these leases and show progress where there is any; returns the claims that are lost."""
        ...

    def asked_ends(self, simulation_ids: Collection[UUID]) -> Mapping[UUID, RunState]:
        """Those of the simulations whose end was asked for, and what their runs end as."""
        ...

    def leave(self) -> None:
        """This thread calls no more: what is kept open for it may be closed."""
        ...

    def release(self, claim: Claim) -> None:
        """Give unfinished work back, to be claimed by anybody."""
        ...

    def submission(self, claim: Claim) -> Submission:
        """What the claim belongs to."""
        ...

    def fetch_inputs(self, claim: Claim, directory: Path) -> None:
        """Write the submitted files into an empty directory."""
        ...

    def run_spec(self, claim: Claim) -> RunSpec:
        """The run that was claimed."""
        ...

    def limits(self, claim: Claim) -> Limits:
        """What a run of this user may use."""
        ...

    def end_run(self, claim: Claim, outcome: RunOutcome, last: Progress | None = None) -> None:
        """The run has ended; the claim ends with it.  `last` is progress that was not shown yet."""
        ...

    def finish_job(self, claim: Claim) -> Finish:
        """The finish that was claimed."""
        ...

    def packed(self, claim: Claim, packed: PackedSimulation) -> None:
        """The crate is in the spool: its delivery exists from now on; the claim ends."""
        ...

    def not_packed(self, claim: Claim, error: SimCrateError) -> None:
        """No crate this time: tried again later, and after some tries announced as failed."""
        ...

    def ledger(self, claim: Claim) -> Ledger:
        """The ledger of the delivery that was claimed."""
        ...

    def storage_definition(self, claim: Claim) -> StorageDefinition:
        """Where the delivery goes, with credentials."""
        ...

    def recipient(self, claim: Claim) -> Recipient:
        """Whom to tell of the delivery."""
        ...
