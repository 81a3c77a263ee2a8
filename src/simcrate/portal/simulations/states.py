"""The state of a simulation, derived from its runs and the delivery that counts.

Nothing stores it, so nothing can disagree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import Completion, RunState, completion_of, tally_of
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation

RUNS_SHARE = 85
"""Per cent of the whole way that the runs are; packing and delivery share the rest."""

PACKED_SHARE = 93


class SimulationState(StrEnum):
    """Where a simulation stands, for people and for the API."""

    QUEUED = "queued"
    RUNNING = "running"
    PACKING = "packing"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTally:
    """How the runs of one simulation stand."""

    counts: Mapping[RunState, int] = field(default_factory=dict)
    percent: float = 0.0
    """Mean over all runs, 0 to 100."""
    started_at: datetime | None = None
    """When a worker began the first of them; None: none was begun, and there will be no crate."""

    @property
    def has_started(self) -> bool:
        """Whether a worker ever began one of them: then there will be a crate."""
        return self.started_at is not None

    @property
    def total(self) -> int:
        """All runs."""
        return sum(self.counts.values())

    @property
    def has_ended(self) -> bool:
        """Whether every run is in a final state."""
        return all(state.is_final for state, count in self.counts.items() if count)

    @property
    def completion(self) -> Completion:
        """How many completed, once all have ended."""
        return completion_of(self.counts)

    def __str__(self) -> str:
        return tally_of(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a simulation stands."""

    state: SimulationState
    sentence: str
    percent: float
    """Of the whole way, 0 to 100."""
    is_final: bool
    """Whether nothing changes any more by itself, short of expiry."""


def standing(simulation: Simulation, tally: RunTally, delivery: Delivery | None) -> Standing:
    """Derive it.

    Args:
        simulation: the row.
        tally: of all its runs.
        delivery: the one that counts (`queries.Overview.delivery`), if there is one.
    """
    if delivery is not None:
        delivered = _delivery_standing(simulation, tally, delivery)
        is_packed_again = simulation.packings and simulation.packed_at is None
        return _packed_again(delivered) if is_packed_again else delivered
    if simulation.cancel_requested_at and tally.has_ended and not tally.has_started:
        return _unstarted_standing(simulation)
    if tally.has_ended:
        return _packing_standing(simulation, tally)
    if tally.has_started:
        sentence = f"{_asked(simulation)}{tally}."
        return _make(SimulationState.RUNNING, sentence, tally.percent * RUNS_SHARE / 100)
    waiting = "one run waits" if tally.total == 1 else f"{tally.total} runs wait"
    return _make(SimulationState.QUEUED, f"Queued: {waiting} for a free worker.", 0)


def with_another(stands: Standing, delivery: Delivery) -> Standing:
    """The same, while one more delivery is on its way."""
    sentence = f"{stands.sentence} One more delivery is on its way to {delivery.storage.name}."
    return replace(stands, sentence=sentence, is_final=False)


def _unstarted_standing(simulation: Simulation) -> Standing:
    if simulation.ends_as == RunState.STOPPED:
        sentence = "It was stopped before any run started: there is nothing to keep."
        return _make(SimulationState.STOPPED, sentence, 100)
    return _make(SimulationState.CANCELLED, "It was cancelled before any run started.", 100)


def _asked(simulation: Simulation) -> str:
    """What is under way until the simulators have let go."""
    if simulation.cancel_requested_at is None:
        return ""
    return (
        "Stopping, and keeping what is there: "
        if simulation.ends_as == RunState.STOPPED
        else "Cancelling: "
    )


def _packing_standing(simulation: Simulation, tally: RunTally) -> Standing:
    share = (PACKED_SHARE - RUNS_SHARE) * simulation.percent / 100
    stage = simulation.stage or "collect"
    sentence = f"The runs have ended ({tally}); their results are being packed (stage {stage})."
    if simulation.retry_at:
        sentence += f" That failed and is tried again at {simulation.retry_at:%H:%M} UTC."
    return _make(SimulationState.PACKING, sentence, RUNS_SHARE + share)


def _delivery_standing(simulation: Simulation, tally: RunTally, delivery: Delivery) -> Standing:
    storage = delivery.storage.name
    match DeliveryState(delivery.state):
        case DeliveryState.FAILED:
            reason = f"The crate could not be delivered to {storage}: {delivery.error.rstrip('.')}."
            sentence = f"{reason} {_what_is_kept(delivery)}".strip()
            return _make(SimulationState.FAILED, sentence, 100)
        case DeliveryState.LINKED | DeliveryState.ANNOUNCED:
            return _make(SimulationState.DELIVERED, _delivered_sentence(simulation, tally), 100)
        case DeliveryState.EXPIRING | DeliveryState.REMOVED:
            sentence = f"The crate has expired and was removed from {storage}."
            return _make(SimulationState.EXPIRED, sentence, 100)
        case DeliveryState.WAITING:
            again = (
                f" It is tried again at {delivery.retry_at:%H:%M} UTC." if delivery.retry_at else ""
            )
            sentence = f"{storage} did not take the crate yet: {delivery.error.rstrip('.')}.{again}"
            return _make(SimulationState.DELIVERING, sentence, _sent_percent(delivery))
        case DeliveryState.SPOOLED | DeliveryState.UPLOADING | DeliveryState.VERIFYING:
            sentence = f"The crate is on its way to {storage} ({delivery.state})."
            return _make(SimulationState.DELIVERING, sentence, _sent_percent(delivery))


def _what_is_kept(failed: Delivery) -> str:
    if failed.discarded_at:
        return f"It was discarded on {failed.discarded_at:%d %B %Y}."
    if failed.spool_released_at:  # it was delivered otherwise, and has expired since
        return ""
    return "What was recorded is kept on the worker until it is delivered or discarded."


def _packed_again(delivered: Standing) -> Standing:
    sentence = f"{delivered.sentence} It is being packed again, for another delivery."
    return replace(delivered, sentence=sentence, is_final=False)


def _delivered_sentence(simulation: Simulation, tally: RunTally) -> str:
    ended_early = (
        f"It was {simulation.ends_as}; what was recorded is in the crate."
        if simulation.cancel_requested_at
        else ""
    )
    if tally.completion is Completion.ALL:
        return "The crate is ready."
    return f"The crate is ready ({tally}). {ended_early}".strip()


def _sent_percent(delivery: Delivery) -> float:
    sent = delivery.sent_bytes / delivery.size_bytes if delivery.size_bytes else 0.0
    return PACKED_SHARE + (100 - PACKED_SHARE) * min(sent, 1.0)


def _make(state: SimulationState, sentence: str, percent: float) -> Standing:
    final = {
        SimulationState.DELIVERED,
        SimulationState.CANCELLED,
        SimulationState.STOPPED,
        SimulationState.FAILED,
        SimulationState.EXPIRED,
    }
    return Standing(state=state, sentence=sentence, percent=percent, is_final=state in final)
