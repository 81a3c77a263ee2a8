"""Runs that wait but will not be run: what is said of them, and how they end."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from simcrate.pipeline.jobs import RunState
from simcrate.portal.queue.lease import MAX_RECLAIMS
from simcrate.portal.queue.sightings import Sightings
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulators.services import all_simulators
from simcrate.portal.workers.queries import is_offered

UNSERVED_AFTER_S = 1800.0
"""Longer than a machine takes to start again, with everything that stands in its way."""
LAST_LINES = 3
"""Of a log, in the reason why its run is not tried again: the machine that has the rest may be lost."""


def settle_freed_runs() -> None:
    """Those of a cancelled simulation, and poisonous ones."""
    queued = Run.objects.filter(state=RunState.QUEUED)
    asked = queued.exclude(simulation__cancel_requested_at=None)
    for ends_as in (RunState.CANCELLED, RunState.STOPPED):
        ended = asked.filter(simulation__ends_as=ends_as)
        given_back = f"{ends_as.capitalize()} while it waited for a worker."
        ended.filter(reclaims=0).update(state=ends_as, ended_at=Now(), reason=given_back)
        died = f"{ends_as.capitalize()} after its worker had died."
        ended.filter(reclaims__gt=0).update(state=ends_as, ended_at=Now(), reason=died)
    poisonous = queued.filter(reclaims__gt=MAX_RECLAIMS)
    for key, log_tail in poisonous.values_list("pk", "log_tail"):
        poisonous.filter(pk=key).update(
            state=RunState.FAILED, ended_at=Now(), reason=_poison_reason(log_tail)
        )


def _poison_reason(log_tail: str) -> str:
    said = [line.strip() for line in log_tail.splitlines() if line.strip()][-LAST_LINES:]
    died = f"Its worker died {MAX_RECLAIMS + 1} times while it ran; it is not tried again."
    return f"{died} Its log ended with: {' / '.join(said)}" if said else died


def fail_unserved_runs(machine: str, unserved: Sightings[UUID]) -> None:
    """Those for a simulator that no worker has offered for long; `machine` packs the reason.

    `unserved` counts from when this worker saw first that nobody offers it: how long a simulation waits
    already says nothing of that, and while no worker is there nobody's time runs.
    """
    offered = {simulator.name for simulator in all_simulators() if is_offered(simulator)}
    waiting = Run.objects.filter(state=RunState.QUEUED)
    simulations = Simulation.objects.filter(
        Exists(waiting.filter(simulation=OuterRef("pk"))), packed_at=None, nothing_to_pack=False
    ).exclude(simulator__in=offered)
    keys = simulations.order_by().values_list("pk", flat=True)
    waiting.filter(simulation__in=unserved.lasting(keys)).update(
        state=RunState.FAILED,
        machine=machine,
        started_at=Now(),
        ended_at=Now(),
        reason="No worker offers its simulator; ask an administrator.",
    )
