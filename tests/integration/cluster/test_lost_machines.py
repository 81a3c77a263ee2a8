"""Machines that are lost in the middle of something: another one does it, and who comes back changes nothing.

It takes a while until a lease has run out for good, so all machines of this module are lost at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import psutil
import pytest

from tests.integration.cluster.conftest import Cluster, kill
from tests.servers.island import can_have_islands, island
from tests.servers.machine import Machine, RunProcesses

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not can_have_islands(), reason="only root may make network namespaces"),
]


LET_GO = "task.let_go"


@dataclass(frozen=True, slots=True)
class Lost:
    """A machine that was lost, and the run that it had in the middle."""

    machine: Machine
    run: RunProcesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A simulation of three runs, each on a machine that was lost, and one that was being packed."""

    cluster: Cluster
    ran_id: str
    packed_id: str
    unplugged: Lost
    paused: Lost
    partitioned: Lost
    rescuer: Machine


@pytest.fixture(scope="module")
def story(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    rescuer = cluster.packer("rescuer")
    ports = (cluster.database.port, cluster.redis.port, cluster.staging.port)
    with ExitStack() as stack:
        network = stack.enter_context(island(tmp_path_factory.mktemp("island"), ports))
        unplugged = cluster.packer("unplugged")
        paused = cluster.runner("paused")
        partitioned = cluster.runner("partitioned", prefix=network.prefix)
        machines = (unplugged, paused, partitioned)
        keepers = [stack.enter_context(machine.worker()) for machine in machines]

        packed_id = cluster.submit("packed elsewhere")
        packing = cluster.wait_for(lambda: packing_of(keepers[0]), "packing")
        packing.suspend()
        ran_id = cluster.submit("run elsewhere", runs=3)
        lost = [Lost(machine, cluster.caught(machine, ran_id)) for machine in machines]

        kill(keepers[0], packing, lost[0].run.rq_worker, lost[0].run.simulator)
        lost[1].run.rq_worker.suspend()
        keepers[1].suspend()
        network.cut()
        lost[2].run.simulator.resume()
        lost[2].run.simulator.wait()
        cluster.let_leases_run_out()

        with rescuer.worker(runs=2):
            for simulation_id in (ran_id, packed_id):
                cluster.wait_until_announced(simulation_id)
        network.heal()
        for process in (keepers[1], lost[1].run.rq_worker, lost[1].run.simulator):
            process.resume()
        for machine in (paused, partitioned):
            cluster.wait_for(partial(has_let_go, machine), "the end of a lost task")
        yield Story(
            cluster=cluster,
            ran_id=ran_id,
            packed_id=packed_id,
            unplugged=lost[0],
            paused=lost[1],
            partitioned=lost[2],
            rescuer=rescuer,
        )


def packing_of(keeper: psutil.Process) -> psutil.Process | None:
    """The process that packs, of the worker of that keeper."""
    return next((p for p in keeper.children() if "finishing" in " ".join(p.cmdline())), None)


def has_let_go(machine: Machine) -> bool:
    return LET_GO in machine.log


@pytest.mark.parametrize("how", ["unplugged", "paused", "partitioned"])
def test_a_run_whose_machine_is_lost_is_run_again_elsewhere_and_keeps_that_end(
    story: Story, how: str
) -> None:
    lost: Lost = getattr(story, how)

    assert story.cluster.ends(story.ran_id)[lost.run.number] == ("completed", 2)
    machines = story.cluster.runs(story.ran_id)
    assert machines[lost.run.number] == ("completed", story.rescuer.name)


@pytest.mark.parametrize("how", ["paused", "partitioned"])
def test_a_worker_that_comes_back_after_its_lease_lets_go_and_lives_on(
    story: Story, how: str
) -> None:
    lost: Lost = getattr(story, how)

    assert not lost.run.simulator.is_running()
    assert lost.run.rq_worker.is_running()
    assert "task.failed" not in lost.machine.log


def test_what_lost_machines_ran_ends_in_one_crate_and_one_mail(story: Story) -> None:
    delivery = story.cluster.assert_ended_once(story.ran_id)

    assert delivery.problems == []


def test_what_a_lost_machine_was_packing_is_packed_elsewhere_once(story: Story) -> None:
    story.cluster.assert_ended_once(story.packed_id)
    sql = "select fence, machine from simulations_simulation where id = %s"

    assert story.cluster.query(sql, story.packed_id) == [(2, story.rescuer.name)]
    assert story.cluster.ends(story.packed_id) == [("completed", 1)]
