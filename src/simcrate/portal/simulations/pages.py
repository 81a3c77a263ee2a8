"""What the page of one simulation shows: the part that changes while it runs, and the result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from simcrate.errors import BadInputError
from simcrate.inifile import decode_ini
from simcrate.pipeline.jobs import STAGES, RunState
from simcrate.portal.accounts.queries import mail_address
from simcrate.portal.deliveries.permalinks import permalink_url
from simcrate.portal.limits.queries import held_back, limits_of
from simcrate.portal.simulations.curves import charts_of
from simcrate.portal.simulations.logs import LogPiece, log_after
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulations.parts import PARTS, all_but
from simcrate.portal.simulations.queries import (
    MAX_RUNS_SHOWN,
    Overview,
    first_failing_run,
    interesting_runs,
    overview,
    watched_run,
)
from simcrate.portal.simulations.repacking import why_not
from simcrate.portal.simulations.states import SimulationState
from simcrate.portal.simulations.summary_table import statistics_table
from simcrate.portal.simulators.services import get_simulator
from simcrate.portal.workers.queries import is_offered, lacks_disk_space
from simcrate.simulators.definition import Simulator

FEW_RUNS = 10
"""That do not hide what follows them; more are folded when all is over, for the statistics to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage as the page shows it."""

    name: str
    is_done: bool
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePart:
    """The part of the page that changes."""

    html: str
    digest: str
    """Of the html: a browser that shows it already needs nothing."""
    is_ready: bool
    """Whether there is a link, which the rest of the page shows."""
    is_settled: bool
    """Whether nothing changes any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log of a run as a page shows it."""

    run: Run | None
    """None: no run has printed anything yet."""
    piece: LogPiece | None
    more_url: str
    """Where the browser asks for what follows; empty: nothing will."""


def live_part(request: HttpRequest, simulation: Simulation) -> LivePart:
    """Render where a simulation stands now."""
    return _live_part(request, overview(simulation))


def whole_page(request: HttpRequest, simulation: Simulation) -> dict[str, Any]:
    """Everything that the page of a simulation shows."""
    seen = overview(simulation)
    delivered = seen.standing.state is SimulationState.DELIVERED
    summary = simulation.summary or {}
    return {
        "simulation": simulation,
        "tally": seen.tally,
        "mail_to": mail_address(simulation.owner, simulation.notify_email),
        "live": _live_part(request, seen),
        "can_end": not seen.tally.has_ended and simulation.cancel_requested_at is None,
        "log": watched_log(simulation, is_live=not seen.tally.has_ended),
        "delivery": seen.delivery,
        "permalink": permalink_url(seen.delivery) if seen.delivery and delivered else "",
        "files": simulation.files.only("name"),
        "ini": _ini_text(simulation),
        "table": statistics_table(summary),
        "charts": charts_of(summary),
        "parts": PARTS,
        "chosen_parts": all_but(simulation.left_out),
        "why_not_repack": why_not(simulation),
    }


def watched_log(simulation: Simulation, *, is_live: bool, run: int = -1, cursor: int = 0) -> Log:
    """The log that is of interest, whole or after a cursor.

    Args:
        simulation: whose.
        is_live: whether more is to come; known before the log is read.
        run: number of the run whose log the browser shows; -1: it shows none.
        cursor: how many lines of it the browser has.
    """
    found = watched_run(simulation)
    address = reverse("simulation-log", args=[simulation.pk])
    if found is None:
        return Log(run=None, piece=None, more_url=address if is_live else "")
    piece = log_after(found, cursor if found.number == run else 0)
    more = f"{address}?run={found.number}&after={piece.cursor}"
    return Log(run=found, piece=piece, more_url=more if is_live else "")


def log_of(simulation: Simulation, run: Run, *, cursor: int = 0) -> Log:
    """The log of one run, after a cursor."""
    piece = log_after(run, cursor)
    more = reverse("simulation-run-log", args=[simulation.pk, run.number])
    is_live = not RunState(run.state).is_final
    return Log(run=run, piece=piece, more_url=f"{more}?after={piece.cursor}" if is_live else "")


def _live_part(request: HttpRequest, seen: Overview) -> LivePart:
    simulation = seen.simulation
    is_queued = seen.standing.state is SimulationState.QUEUED
    context = {
        "overview": seen,
        "simulation": simulation,
        "steps": _steps(seen),
        "runs": interesting_runs(simulation)[:MAX_RUNS_SHOWN],
        "failing": first_failing_run(simulation),
        "max_runs": MAX_RUNS_SHOWN,
        "are_folded": seen.standing.is_final and seen.tally.total > FEW_RUNS,
        "nobody_serves": is_queued and not _asked(is_offered, simulation),
        "lacks_disk_space": is_queued and _asked(lacks_disk_space, simulation),
        "most_at_a_time": _most_at_a_time(simulation) if is_queued else 0,
    }
    html = render_to_string("simulations/_live.html", context, request)
    digest = hashlib.sha256(html.encode()).hexdigest()[:16]
    return LivePart(
        html=html,
        digest=digest,
        is_ready=seen.standing.state is SimulationState.DELIVERED,
        is_settled=seen.standing.is_final and _is_announced(seen),
    )


def _asked(question: Callable[[Simulator], bool], simulation: Simulation) -> bool:
    """The answer for its simulator."""
    try:
        return question(get_simulator(simulation.simulator))
    except BadInputError:  # its definition was deleted
        return False


def _most_at_a_time(simulation: Simulation) -> int:
    """The limit of simulations at a time that this one waits for; 0: it does not."""
    if not Simulation.objects.filter(held_back(), pk=simulation.pk).exists():
        return 0
    return limits_of(simulation.owner).parallel_simulations


def _is_announced(seen: Overview) -> bool:
    return seen.delivery is None or seen.delivery.announced_at is not None


def _steps(seen: Overview) -> list[Step]:
    current = _current_stage(seen)
    position = STAGES.index(current) if current in STAGES else len(STAGES)
    return [
        Step(name=name, is_done=number < position, is_current=number == position)
        for number, name in enumerate(STAGES)
    ]


def _current_stage(seen: Overview) -> str:
    """Empty when the last one is done."""
    match seen.standing.state:
        case (
            SimulationState.QUEUED
            | SimulationState.RUNNING
            | SimulationState.CANCELLED
            | SimulationState.STOPPED
        ):
            return "simulate"
        case SimulationState.PACKING:
            return seen.simulation.stage or "collect"
        case SimulationState.DELIVERING | SimulationState.FAILED:
            return "upload"
        case SimulationState.DELIVERED | SimulationState.EXPIRED:
            return "" if _is_announced(seen) else "notify"


def _ini_text(simulation: Simulation) -> str:
    ini = simulation.files.filter(name=simulation.ini_name).first()
    return decode_ini(bytes(ini.content)) if ini else ""
