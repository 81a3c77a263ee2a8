"""What a run has shown is in its row, also what came after the last beat; and how it ends early."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from simcrate.pipeline.jobs import Progress, RunOutcome, RunState
from simcrate.pipeline.watch import Watch
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.worker.port import WorkKind

LAST = Progress(
    stage="simulate", percent=40, event_count=7, sim_time_s=2.5, events_per_s=3.5,
    first_error="<!> Error: no route", log_tail="<!> Error: no route", log_lines=1200,
)  # fmt: skip


def test_the_end_of_a_short_run_is_not_lost(simulation: Simulation, worker: RowsPort) -> None:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    outcome = RunOutcome(number=0, state=RunState.FAILED, reason="No route.", event_count=9)
    worker.end_run(claim, outcome, LAST)

    run = Run.objects.get(pk=claim.id)
    assert (run.state, run.event_count) == (RunState.FAILED, 9)
    assert (run.first_error, run.log_lines) == ("<!> Error: no route", 1200)
    assert (run.events_per_s, run.messages_present) == (3.5, None)


def test_what_a_run_that_has_ended_waits_for_is_shown_beside_what_was_last_until_it_is_queued_again(
    simulation: Simulation, worker: RowsPort
) -> None:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    watch = Watch()
    watch.show(LAST)
    watch.show_waiting("It waits for the server.")
    worker.beat({claim: watch.take()})
    watch.show_waiting("It waits for room.")
    worker.beat({claim: watch.take()})

    run = Run.objects.get(pk=claim.id)
    assert (run.reason, run.log_lines) == ("It waits for room.", 1200)

    worker.release(claim)
    assert Run.objects.get(pk=claim.id).reason == ""


@pytest.mark.parametrize("ends_as", [RunState.CANCELLED, RunState.STOPPED])
def test_an_end_that_was_asked_for_holds_even_if_the_worker_dies(
    simulation: Simulation, worker: RowsPort, ends_as: RunState
) -> None:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    assert worker.asked_ends([simulation.pk]) == {}
    Simulation.objects.update(cancel_requested_at=Now(), ends_as=ends_as)
    assert worker.asked_ends([simulation.pk]) == {simulation.pk: ends_as}

    worker.recover(lambda _: False)

    run = Run.objects.get(pk=claim.id)
    assert run.state == ends_as
    assert run.reason == f"{ends_as.capitalize()} after its worker had died."


def test_a_run_that_was_given_back_and_then_cancelled_has_no_dead_worker(
    simulation: Simulation, worker: RowsPort
) -> None:
    claim = worker.claim([WorkKind.RUN])
    assert claim is not None
    Simulation.objects.update(cancel_requested_at=Now(), ends_as=RunState.CANCELLED)
    worker.release(claim)

    worker.recover(lambda _: True)

    run = Run.objects.get(pk=claim.id)
    assert (run.state, run.reason) == (
        RunState.CANCELLED,
        "Cancelled while it waited for a worker.",
    )
