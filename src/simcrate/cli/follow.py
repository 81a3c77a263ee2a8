"""Follow a simulation in the terminal, stage by stage, from its rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simcrate.pipeline.jobs import STAGES, RunState

if TYPE_CHECKING:
    from simcrate.portal.deliveries.models import Delivery
    from simcrate.portal.simulations.models import Run, Simulation

LOOK_S = 0.1
_UPLOADED = {"linked", "announced", "expiring", "removed"}


def follow(simulation: Simulation, console: Console) -> Delivery:
    """Show progress until the outcome is announced; returns the delivery.

    A simulation that was cancelled before any run started has none: that raises `SimCrateError`.
    """
    from simcrate.errors import SimCrateError

    told = ""
    with _StageBars(console) as bars:
        while True:
            simulation.refresh_from_db()
            runs = list(simulation.runs.defer("log_tail", "outcome"))
            delivery = simulation.deliveries.order_by("-created_at").first()
            bars.show(*_position(simulation, runs, delivery))
            if delivery is not None and delivery.retry_at and delivery.error not in {"", told}:
                told = delivery.error
                console.print(f"{told}; it is tried again")
            if delivery is not None and delivery.announced_at is not None:
                bars.show("", 0.0)
                return delivery
            if simulation.cancel_requested_at and not any(run.started_at for run in runs):
                message = f"'{simulation.title}' was {simulation.ends_as} before any run started"
                raise SimCrateError(message)
            time.sleep(LOOK_S)


def _position(
    simulation: Simulation, runs: Sequence[Run], delivery: Delivery | None
) -> tuple[str, float]:
    """The stage that is at work, and how far it is, 0 to 100."""
    if delivery is not None:
        if delivery.state in _UPLOADED or delivery.state == "failed":
            return "notify", 0.0
        return "upload", 100 * delivery.sent_bytes / (delivery.size_bytes or 1)
    if all(RunState(run.state).is_final for run in runs):
        return simulation.stage or "collect", simulation.percent
    done = sum(100.0 if RunState(run.state).is_final else run.percent for run in runs)
    return "simulate", done / (len(runs) or 1)


class _StageBars:
    """One bar for each stage; those before the one at work are done."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.percentage:>4.0f} %"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _StageBars:
        self._bars.start()
        self._tasks = {
            stage: self._bars.add_task(stage, total=100, start=False) for stage in STAGES
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, stage: str, percent: float) -> None:
        """The stage at work; an empty one means that all are done."""
        position = STAGES.index(stage) if stage else len(STAGES)
        for task in list(self._tasks.values())[:position]:
            self._bars.start_task(task)
            self._bars.update(task, completed=100)
            self._bars.stop_task(task)
        if stage:
            self._bars.start_task(self._tasks[stage])
            self._bars.update(self._tasks[stage], completed=percent)
