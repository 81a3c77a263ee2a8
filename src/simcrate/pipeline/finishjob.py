"""What `finish` starts from; apart from `runner`, which imports everything that finishing needs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from simcrate.pipeline.jobs import RunOutcome, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What `finish` starts from: a simulation whose runs have all ended."""

    submission: Submission
    outcomes: tuple[RunOutcome, ...]
    delivery_id: UUID
    """The same for every attempt."""
    is_careful: bool
    """Pack what is there and leave statistics out: earlier attempts killed their worker."""
