"""Which simulators users can choose at this moment, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass

from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.simulators.services import active_simulators
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import alive_workers, offers
from simcrate.simulators.definition import Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An active simulator, and whether a worker that is alive has it."""

    simulator: Simulator
    why_not: str
    """In a clause; empty: it can be chosen."""
    has_template: bool
    """Whether there is a form for who has no ini."""


def list_offers() -> list[Offer]:
    """Every active simulator, the built-in one first: any worker has that one, sooner or later."""
    workers = list(alive_workers())
    forms = set(SimulatorDefinition.objects.exclude(template="").values_list("name", flat=True))
    return [
        Offer(
            simulator=each,
            why_not="" if each.is_ours else _why_not(each, workers),
            has_template=each.name in forms,
        )
        for each in active_simulators()
    ]


def _why_not(simulator: Simulator, workers: list[Worker]) -> str:
    if any(offers(worker, simulator) for worker in workers):
        return ""
    if not workers:
        return "no worker has shown itself in the last minute"
    tagged = [w for w in workers if simulator.tags <= frozenset(w.tags.split())]
    if not tagged:
        return f"no worker has what it needs: {' '.join(sorted(simulator.tags))}"
    return f"no worker can fence it in: {tagged[0].sandbox_note}"
