"""The state of a simulation is derived from its runs and its newest delivery."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.states import RunTally, SimulationState, Standing, standing
from simcrate.portal.storages.models import StorageBackend

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def stand(
    runs: dict[RunState, int],
    delivery: DeliveryState | None = None,
    *,
    percent: float = 0,
    started: bool = True,
    cancelled: bool = False,
    stopped: bool = False,
    **fields: object,
) -> Standing:
    simulation = Simulation(cancel_requested_at=NOON if cancelled or stopped else None)
    if stopped:
        simulation.ends_as = RunState.STOPPED
    row = None
    if delivery is not None:
        storage = StorageBackend(name="Group Seafile")
        row = Delivery(state=delivery, storage=storage, size_bytes=100, **fields)
    tally = RunTally(counts=runs, percent=percent, started_at=NOON if started else None)
    return standing(simulation, tally, row)


@pytest.mark.parametrize(
    ("runs", "delivery", "state", "is_final"),
    [
        ({RunState.RUNNING: 1, RunState.QUEUED: 2}, None, SimulationState.RUNNING, False),
        ({RunState.QUEUED: 1, RunState.COMPLETED: 1}, None, SimulationState.RUNNING, False),
        ({RunState.COMPLETED: 2}, None, SimulationState.PACKING, False),
        ({RunState.FAILED: 2}, None, SimulationState.PACKING, False),
        ({RunState.COMPLETED: 1}, DeliveryState.SPOOLED, SimulationState.DELIVERING, False),
        ({RunState.COMPLETED: 1}, DeliveryState.UPLOADING, SimulationState.DELIVERING, False),
        ({RunState.COMPLETED: 1}, DeliveryState.VERIFYING, SimulationState.DELIVERING, False),
        ({RunState.COMPLETED: 1}, DeliveryState.WAITING, SimulationState.DELIVERING, False),
        ({RunState.COMPLETED: 1}, DeliveryState.LINKED, SimulationState.DELIVERED, True),
        ({RunState.FAILED: 1}, DeliveryState.ANNOUNCED, SimulationState.DELIVERED, True),
        ({RunState.COMPLETED: 1}, DeliveryState.FAILED, SimulationState.FAILED, True),
        ({RunState.COMPLETED: 1}, DeliveryState.EXPIRING, SimulationState.EXPIRED, True),
        ({RunState.COMPLETED: 1}, DeliveryState.REMOVED, SimulationState.EXPIRED, True),
    ],
)
def test_runs_and_delivery_say_the_state(
    runs: dict[RunState, int],
    delivery: DeliveryState | None,
    state: SimulationState,
    is_final: bool,  # noqa: FBT001 - a case of the table
) -> None:
    seen = stand(runs, delivery)

    assert (seen.state, seen.is_final) == (state, is_final)


def test_nothing_started_is_queued() -> None:
    seen = stand({RunState.QUEUED: 3}, started=False)

    assert seen.state is SimulationState.QUEUED
    assert "3 runs wait" in seen.sentence


def test_cancelled_before_any_start_is_the_end() -> None:
    seen = stand({RunState.CANCELLED: 3}, started=False, cancelled=True)

    assert (seen.state, seen.is_final) == (SimulationState.CANCELLED, True)


def test_cancelled_after_a_start_still_packs_what_was_recorded() -> None:
    seen = stand({RunState.STOPPED: 1, RunState.CANCELLED: 2}, cancelled=True)

    assert seen.state is SimulationState.PACKING


def test_stopped_before_any_start_has_nothing_to_keep() -> None:
    seen = stand({RunState.STOPPED: 3}, started=False, stopped=True)

    assert seen.state is SimulationState.STOPPED
    assert seen.is_final
    assert "nothing to keep" in seen.sentence


def test_while_it_is_being_stopped_it_says_so() -> None:
    seen = stand({RunState.RUNNING: 1, RunState.STOPPED: 1}, stopped=True)

    assert seen.sentence == "Stopping, and keeping what is there: 1 running, 1 stopped."


def test_a_stopped_simulation_that_was_delivered_says_both() -> None:
    seen = stand({RunState.STOPPED: 2}, DeliveryState.ANNOUNCED, stopped=True)

    assert seen.sentence.endswith("It was stopped; what was recorded is in the crate.")


def test_a_cancelled_simulation_that_was_delivered_says_both() -> None:
    runs = {RunState.STOPPED: 1, RunState.CANCELLED: 2}
    seen = stand(runs, DeliveryState.ANNOUNCED, cancelled=True)

    assert seen.sentence.startswith("The crate is ready (1 stopped, 2 cancelled)")
    assert "It was cancelled" in seen.sentence


def test_a_waiting_delivery_says_why_and_when_it_is_tried_again() -> None:
    seen = stand(
        {RunState.COMPLETED: 1}, DeliveryState.WAITING, error="it did not answer.", retry_at=NOON
    )

    expected = "Group Seafile did not take the crate yet: it did not answer. It is tried again at 12:00 UTC."
    assert seen.sentence == expected


def test_percent_never_goes_back_along_the_way() -> None:
    half = stand({RunState.RUNNING: 2}, percent=50).percent
    ended = stand({RunState.COMPLETED: 2}, percent=100).percent
    uploading = stand({RunState.COMPLETED: 2}, DeliveryState.UPLOADING, sent_bytes=50).percent
    done = stand({RunState.COMPLETED: 2}, DeliveryState.ANNOUNCED).percent

    assert 0 < half < ended < uploading < done == 100
