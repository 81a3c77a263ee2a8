"""Everything that reads simulations.  Nobody sees another user's; staff see all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Case, Count, IntegerField, Min, QuerySet, Sum, Value, When

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import UNDER_WAY, Delivery
from simcrate.portal.simulations.estimates import estimate_end
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.states import (
    RunTally,
    SimulationState,
    Standing,
    standing,
    with_another,
)
from simcrate.portal.storages.models import StorageBackend

MAX_RUNS_SHOWN = 100

_INTEREST = {RunState.RUNNING: 0, RunState.FAILED: 1, RunState.LIMITED: 2, RunState.STOPPED: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A simulation and where it stands."""

    simulation: Simulation
    tally: RunTally
    delivery: Delivery | None
    """The newest that has a link; else the newest on its way; else the newest."""
    standing: Standing

    @property
    def storage(self) -> StorageBackend:
        """Where the crate is, or is on its way to; until then where it was asked for."""
        return self.delivery.storage if self.delivery else self.simulation.storage

    @property
    def estimated_end(self) -> datetime | None:
        """When the runs will have ended at the pace so far; None: not known, or not of interest."""
        if self.standing.state is not SimulationState.RUNNING:
            return None
        return estimate_end(self.tally.started_at, self.tally.percent, datetime.now(UTC))


def visible_to(user: User) -> QuerySet[Simulation]:
    """One's own, newest first; everybody's for staff."""
    everything = Simulation.objects.select_related("storage", "owner")
    return everything if user.is_staff else everything.filter(owner=user)


def overviews(simulations: Sequence[Simulation]) -> list[Overview]:
    """Where each of them stands, in two queries."""
    ids = [simulation.pk for simulation in simulations]
    tallies = tally_runs(ids)
    newest: dict[UUID, Delivery] = {}
    deliveries: dict[UUID, Delivery] = {}
    for delivery in Delivery.objects.filter(simulation__in=ids).select_related("storage"):
        newest.setdefault(delivery.simulation_id, delivery)  # they come newest first
        known = deliveries.setdefault(delivery.simulation_id, delivery)
        if _rank(delivery) < _rank(known):
            deliveries[delivery.simulation_id] = delivery
    return [
        _overview(
            simulation,
            tallies[simulation.pk],
            deliveries.get(simulation.pk),
            newest.get(simulation.pk),
        )
        for simulation in simulations
    ]


def overview(simulation: Simulation) -> Overview:
    """Where one stands."""
    return overviews([simulation])[0]


def tally_runs(simulation_ids: Iterable[UUID]) -> dict[UUID, RunTally]:
    """How the runs of each simulation stand; an empty tally for one without runs."""
    counts: dict[UUID, dict[RunState, int]] = defaultdict(dict)
    percents: dict[UUID, float] = defaultdict(float)
    started: dict[UUID, list[datetime]] = defaultdict(list)
    rows = (
        Run.objects.filter(simulation__in=list(simulation_ids))
        .order_by()
        .values_list("simulation", "state")
        .annotate(count=Count("id"), percents=Sum("percent"), begun=Min("started_at"))
    )
    for simulation_id, state, count, percent, begun in rows:
        counts[simulation_id][RunState(state)] = count
        ended = RunState(state).is_final
        percents[simulation_id] += 100.0 * count if ended else float(percent)
        if begun:
            started[simulation_id].append(begun)
    tallies: dict[UUID, RunTally] = defaultdict(RunTally)
    for simulation_id, states in counts.items():
        mean = percents[simulation_id] / sum(states.values())
        tallies[simulation_id] = RunTally(
            counts=states, percent=mean, started_at=min(started[simulation_id], default=None)
        )
    return tallies


def interesting_runs(simulation: Simulation) -> QuerySet[Run]:
    """The runs that somebody who watches wants to see first: running, then those that went wrong."""
    rank = Case(
        *(When(state=state, then=Value(rank)) for state, rank in _INTEREST.items()),
        default=Value(len(_INTEREST)),
        output_field=IntegerField(),
    )
    return simulation.runs.defer("log_tail", "outcome").order_by(rank, "number")


def _rank(delivery: Delivery) -> int:
    """Which of several deliveries says how a simulation stands: the lowest."""
    match DeliveryState(delivery.state):
        case DeliveryState.LINKED | DeliveryState.ANNOUNCED:
            return 0
        case DeliveryState.EXPIRING | DeliveryState.REMOVED | DeliveryState.FAILED:
            return 2
        case _:
            return 1


def watched_run(simulation: Simulation) -> Run | None:
    """The run whose log is of interest: one that runs, else one that went wrong, else the first."""
    runs = interesting_runs(simulation).defer(None).defer("outcome")  # tail and count from one read
    return runs.exclude(log_lines=0).first()


def first_failing_run(simulation: Simulation) -> Run | None:
    """The first run whose output tells of an error."""
    return simulation.runs.exclude(first_error="").only("number", "first_error").first()


def _overview(
    simulation: Simulation, tally: RunTally, delivery: Delivery | None, newest: Delivery | None
) -> Overview:
    stands = standing(simulation, tally, delivery)
    if newest is not None and newest is not delivery and newest.state in UNDER_WAY:
        stands = with_another(stands, newest)
    return Overview(
        simulation=simulation,
        tally=tally,
        delivery=delivery,
        standing=stands,
    )
