"""Which worker is given which runs, and who is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models.functions import Now

from simcrate.cli.bench import check_company
from simcrate.errors import BadInputError, DefinitionError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.queue.settling import UNSERVED_AFTER_S
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.simulators.services import (
    active_simulators,
    get_simulator,
    import_simulators,
    safety_policy,
)
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import alive_workers
from simcrate.simulators.definition import OPPSIM, SimulatorKind
from simcrate.worker.identity import machine_name
from simcrate.worker.port import WorkerFacts, WorkKind
from simcrate.worker.supervisor import RECOVER_S
from tests.servers.clocks import Clock

FACTS = WorkerFacts(
    version="1", sandbox="bubblewrap", sandbox_note="", tags=frozenset(), cores=2,
    memory_bytes=2**30, disk_free_bytes=2**30, is_short_of_disk=False, tasks=0,
)  # fmt: skip
NO_SANDBOX = WorkerFacts(
    version="1", sandbox="bubblewrap", sandbox_note="bubblewrap is missing", tags=frozenset(),
    cores=2, memory_bytes=2**30, disk_free_bytes=2**30, is_short_of_disk=False, tasks=0,
)  # fmt: skip
TAGGED = WorkerFacts(
    version="1", sandbox="none", sandbox_note="", tags=frozenset({"inet", "gpu"}), cores=2,
    memory_bytes=2**30, disk_free_bytes=2**30, is_short_of_disk=False, tasks=0,
)  # fmt: skip

TOML = """
[[simulators]]
name = "inet"
title = "INET 4.5"
version = "4.5"
command = ["/opt/inet/bin/inet"]
ned_path = ["/opt/inet/src", "/opt/inet/examples"]
allowed_keys = ["record-eventlog"]
tags = ["inet"]
"""


@pytest.fixture
def inet(simulation: Simulation) -> Simulation:
    """Alice's simulation, for a simulator that is not ours."""
    import_simulators(TOML)
    Simulation.objects.update(simulator="inet")
    return simulation


def is_given_a_run(worker: RowsPort) -> bool:
    return worker.claim([WorkKind.RUN]) is not None


def test_a_worker_with_the_tags_and_a_sandbox_is_given_runs(
    inet: Simulation, worker: RowsPort
) -> None:
    worker.show(TAGGED)

    assert is_given_a_run(worker)


@pytest.mark.parametrize("facts", [FACTS, NO_SANDBOX])
def test_a_worker_without_the_tags_or_a_sandbox_is_not(
    inet: Simulation, worker: RowsPort, facts: WorkerFacts
) -> None:
    worker.show(facts)

    assert not is_given_a_run(worker)


def test_a_worker_that_was_never_seen_gets_the_built_in_simulator_only(
    simulation: Simulation, worker: RowsPort
) -> None:
    assert is_given_a_run(worker)


def look_for(seconds: float, worker: RowsPort, clock: Clock) -> None:
    """The worker looks after the others for so long, as often as its supervisor does."""
    for _ in range(int(seconds / RECOVER_S)):
        worker.recover(lambda _: True)
        clock.sleep(RECOVER_S)
    worker.recover(lambda _: True)


def queued() -> int:
    return Run.objects.filter(state=RunState.QUEUED).count()


def test_runs_that_nobody_can_serve_fail_after_a_while_and_say_why(
    inet: Simulation, worker: RowsPort, clock: Clock
) -> None:
    worker.show(FACTS)
    look_for(UNSERVED_AFTER_S - RECOVER_S, worker, clock)
    assert queued() == 2

    look_for(RECOVER_S, worker, clock)

    run = Run.objects.first()
    assert run is not None
    assert run.state == RunState.FAILED
    assert "No worker offers its simulator" in run.reason
    assert worker.claim([WorkKind.FINISH]) is not None


def test_runs_that_wait_for_long_survive_that_their_only_worker_starts_again(
    inet: Simulation, worker: RowsPort, other_worker: RowsPort, clock: Clock
) -> None:
    Simulation.objects.update(created_at=Now() - timedelta(hours=2))
    other_worker.show(TAGGED)
    look_for(60, worker, clock)
    Worker.objects.all().delete()
    worker.show(FACTS)
    look_for(76, worker, clock)
    assert queued() == 2
    other_worker.show(TAGGED)
    look_for(UNSERVED_AFTER_S, worker, clock)

    assert queued() == 2


def test_runs_that_wait_for_long_survive_that_all_workers_were_away(
    inet: Simulation, other_worker: RowsPort, clock: Clock
) -> None:
    Simulation.objects.update(created_at=Now() - timedelta(days=2))
    other_worker.show(FACTS)
    look_for(76, other_worker, clock)

    assert queued() == 2


def test_a_worker_is_alive_while_it_shows_itself(worker: RowsPort) -> None:
    worker.show(FACTS)
    assert alive_workers().count() == 1

    Worker.objects.update(seen_at=Now() - timedelta(minutes=2))
    assert alive_workers().count() == 0


def test_a_worker_that_is_to_drain_is_told(worker: RowsPort) -> None:
    assert not worker.show(FACTS)
    Worker.objects.update(is_draining=True)

    assert worker.show(FACTS)


def test_a_definition_in_toml_is_what_workers_get() -> None:
    import_simulators(TOML)
    simulator = get_simulator("inet")

    assert simulator.command == ("/opt/inet/bin/inet",)
    assert [str(path) for path in simulator.ned_path] == ["/opt/inet/src", "/opt/inet/examples"]
    assert simulator.kind is SimulatorKind.OMNETPP
    assert not simulator.is_ours
    assert active_simulators() == [OPPSIM, simulator]


def test_an_inactive_simulator_cannot_be_chosen_but_is_still_run() -> None:
    import_simulators(TOML + "active = false\n")

    assert active_simulators() == [OPPSIM]
    assert get_simulator("inet").title == "INET 4.5"


def test_keys_that_a_definition_allows_join_the_usual_ones() -> None:
    import_simulators(TOML)

    assert "record-eventlog" in safety_policy("inet").plain
    assert "record-eventlog" in safety_policy("inet").per_object
    assert get_simulator("inet").allowed_keys == {"record-eventlog"}
    assert "record-eventlog" not in safety_policy("oppsim").plain


def test_an_unknown_simulator_is_named_with_those_that_there_are() -> None:
    with pytest.raises(BadInputError, match="there are: oppsim"):
        get_simulator("innet")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", "no \\[\\[simulators\\]\\] table"),
        ("[[simulators", "'one.toml' is not valid TOML: "),
        (TOML + "colour = 1\n", "unknown keys: colour \\(known: active, allowed_keys"),
        (TOML.replace("/opt/inet/src", "src"), "not an absolute path"),
        (TOML.replace('"inet"\ntitle', '"oppsim"\ntitle'), "built-in simulator"),
        (TOML + 'kind = "matlab"\n', "matlab"),
        (TOML + 'progress = "%"\n', "group named percent"),
        (TOML + 'progress = "("\n', "not a regular expression"),
    ],
)
def test_a_definition_that_is_wrong_is_refused_and_nothing_saved(toml: str, words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        import_simulators(toml, "'one.toml'")
    assert not SimulatorDefinition.objects.exists()


def test_a_second_machine_without_a_way_to_hand_runs_over_is_refused(worker: RowsPort) -> None:
    worker.show(FACTS)

    with pytest.raises(BadInputError, match="here works for this database, too"):
        check_company()


def test_one_machine_needs_no_way_to_hand_runs_over(worker: RowsPort) -> None:
    worker.show(FACTS)
    Worker.objects.update(machine=machine_name(settings.VAR_DIR))

    check_company()
