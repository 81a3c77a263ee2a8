"""What the API sends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema

from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.permalinks import permalink_url
from simcrate.portal.simulations.logs import LogPiece
from simcrate.portal.simulations.models import Run
from simcrate.portal.simulations.queries import Overview
from simcrate.portal.simulators.offers import Offer
from simcrate.portal.storages.models import StorageBackend


class StorageBackendOut(Schema):
    """An active storage backend, in its public tags: nothing that opens it."""

    storage_backend: str
    storage_backend_id: str
    storage_backend_desc: str
    storage_backend_keep_days: int

    @classmethod
    def of(cls, backend: StorageBackend) -> StorageBackendOut:
        """From its row."""
        return cls(
            storage_backend=backend.name,
            storage_backend_id=backend.identifier,
            storage_backend_desc=backend.desc,
            storage_backend_keep_days=backend.keep_days,
        )


class SimulatorOut(Schema):
    """A simulator that users can choose, at least when there is a worker for it."""

    name: str
    title: str
    version: str
    kind: str
    why_not: str
    """Why it cannot be chosen now; empty: it can."""

    @classmethod
    def of(cls, offer: Offer) -> SimulatorOut:
        """From what workers show."""
        one = offer.simulator
        return cls(
            name=one.name,
            title=one.title,
            version=one.version,
            kind=one.kind,
            why_not=offer.why_not,
        )


class LimitsOut(Schema):
    """What a user may use; 0 means unlimited."""

    memory_mib: int
    disk_mib: int
    wall_time_min: int
    cpu_time_min: int
    parallel_simulations: int
    runs_per_simulation: int
    storage_mib: int


class DeliveryOut(Schema):
    """A crate's way into its storage backend."""

    state: str
    link: str
    """Empty until the crate is there and verified."""
    permalink: str
    size_bytes: int
    sha256: str
    expires_at: datetime | None
    """Null: not set yet, or kept for ever."""
    error: str

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryOut:
        """From its row."""
        return cls(
            state=delivery.state,
            link=delivery.link_url,
            permalink=permalink_url(delivery),
            size_bytes=delivery.size_bytes,
            sha256=delivery.sha256,
            expires_at=delivery.expires_at,
            error=delivery.error,
        )


class SimulationOut(Schema):
    """A simulation and where it stands."""

    id: UUID
    title: str
    owner: str
    simulator: str
    config: str
    run_filter: str
    precision_s: float
    storage_backend_id: str
    licence: str
    left_out: list[str]
    """Parts that the crate does without."""
    created_at: datetime
    state: str
    sentence: str
    percent: float
    is_final: bool
    estimated_end: datetime | None
    """Of the runs, at the pace so far; null: not known, or they do not run."""
    stage: str
    runs: dict[str, int]
    """How many runs are in each state."""
    problems: list[str]
    delivery: DeliveryOut | None
    url: str

    @classmethod
    def of(cls, seen: Overview, url: str) -> SimulationOut:
        """From what is known of it."""
        row = seen.simulation
        return cls(
            id=row.pk,
            title=row.title,
            owner=row.owner.get_username(),
            simulator=row.simulator,
            config=row.config,
            run_filter=row.run_filter,
            precision_s=row.precision_s,
            storage_backend_id=row.storage.identifier,
            licence=row.licence,
            left_out=row.left_out,
            created_at=row.created_at,
            state=seen.standing.state,
            sentence=seen.standing.sentence,
            percent=round(seen.standing.percent, 1),
            is_final=seen.standing.is_final,
            estimated_end=seen.estimated_end,
            stage=row.stage,
            runs={str(state): count for state, count in seen.tally.counts.items()},
            problems=list(row.problems),
            delivery=DeliveryOut.of(seen.delivery) if seen.delivery else None,
            url=url,
        )


class SubmittedOut(SimulationOut):
    """A simulation that was just submitted."""

    warnings: list[str]
    """What its submitter should look at; nothing was refused because of it."""


class RunOut(Schema):
    """One run."""

    number: int
    state: str
    percent: float
    itervars: dict[str, str]
    repetition: int
    reason: str
    sim_time_s: float
    event_count: int
    sim_s_per_s: float | None
    """Simulated seconds in a second, lately; null: the simulator does not say."""
    events_per_s: float | None
    messages_present: int | None
    first_error: str
    """The first line of output that is one."""
    estimated_end: datetime | None
    """At the pace so far; null: not known, or it does not run."""
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> RunOut:
        """From its row."""
        return cls(**{name: getattr(run, name) for name in cls.model_fields})


class LogOut(Schema):
    """What a run has printed after a cursor."""

    lines: list[str]
    skipped: int
    """How many lines before these are not kept here; the crate has all."""
    cursor: int
    """The `after` of the next call."""
    is_final: bool
    """Whether nothing will follow."""

    @classmethod
    def of(cls, piece: LogPiece, *, is_final: bool) -> LogOut:
        """From the lines that are kept."""
        return cls(
            lines=list(piece.lines), skipped=piece.skipped, cursor=piece.cursor, is_final=is_final
        )


class SimulationPage(Schema):
    """Some of many."""

    items: list[SimulationOut]
    count: int
    """Of all, not of this page."""
