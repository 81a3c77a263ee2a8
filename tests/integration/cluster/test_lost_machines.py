"""Machines that are lost in the middle of something: another one does it, and who comes back changes nothing.

It takes a while until a lease has run out for good, so all machines of this module are lost at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psutil
import pytest

from tests.integration.cluster.conftest import CATCH_S, Cluster, kill
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
    keeper: psutil.Process
    run: RunProcesses

    @property
    def processes(self) -> tuple[psutil.Process, ...]:
        return self.keeper, self.run.rq_worker, self.run.simulator

    def has_let_go(self) -> bool:
        return LET_GO in self.machine.log


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
    ports = (cluster.database.port, cluster.redis.port, cluster.staging.port)
    with ExitStack() as stack:
        network = stack.enter_context(island(tmp_path_factory.mktemp("island"), ports))
        machines = (
            cluster.packer("unplugged"),
            cluster.runner("paused"),
            cluster.runner("partitioned", prefix=network.prefix),
        )
        keepers = [stack.enter_context(machine.worker()) for machine in machines]
        packed_id = cluster.submit("packed elsewhere")
        packing = cluster.wait_for(lambda: packing_of(keepers[0]), "packing", look_s=CATCH_S)
        packing.suspend()
        ran_id = cluster.submit("run elsewhere", runs=3)
        unplugged, paused, partitioned = (
            Lost(machine, keeper, cluster.caught(machine, ran_id))
            for machine, keeper in zip(machines, keepers, strict=True)
        )

        kill(packing, *unplugged.processes)
        for process in paused.processes:
            process.suspend()
        network.cut()
        partitioned.run.simulator.resume()
        partitioned.run.simulator.wait()  # so that its worker has results in hand
        cluster.let_leases_run_out()

        rescuer = cluster.packer("rescuer")
        with rescuer.worker(runs=2):
            for simulation_id in (ran_id, packed_id):
                cluster.wait_until_announced(simulation_id)

        network.heal()
        for process in paused.processes:
            process.resume()
        for lost in (paused, partitioned):
            cluster.wait_for(lost.has_let_go, "a worker that lets go")
        yield Story(
            cluster=cluster,
            ran_id=ran_id,
            packed_id=packed_id,
            unplugged=unplugged,
            paused=paused,
            partitioned=partitioned,
            rescuer=rescuer,
        )


def packing_of(keeper: psutil.Process) -> psutil.Process | None:
    """The process that packs for the worker with that keeper."""
    return next(filter(_packs, keeper.children()), None)


def _packs(process: psutil.Process) -> bool:
    try:
        return "finishing" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # or a zombie
        return False


@pytest.mark.parametrize("how", ["unplugged", "paused", "partitioned"])
def test_a_run_whose_machine_is_lost_is_run_again_elsewhere_and_keeps_that_end(
    story: Story, how: str
) -> None:
    lost: Lost = getattr(story, how)
    number = lost.run.number

    assert story.cluster.ends(story.ran_id)[number] == ("completed", 2)
    assert story.cluster.runs(story.ran_id)[number] == ("completed", story.rescuer.name)


@pytest.mark.parametrize("how", ["paused", "partitioned"])
def test_a_worker_that_comes_back_after_its_lease_lets_go_and_lives_on(
    story: Story, how: str
) -> None:
    lost: Lost = getattr(story, how)

    assert not lost.run.simulator.is_running()
    assert lost.run.rq_worker.is_running()
    assert lost.keeper.is_running()
    assert "task.failed" not in lost.machine.log


def test_what_lost_machines_ran_ends_in_one_crate_and_one_mail(story: Story) -> None:
    delivery = story.cluster.assert_ended_once(story.ran_id)

    assert delivery.problems == []


def test_what_a_lost_machine_was_packing_is_packed_elsewhere_once(story: Story) -> None:
    story.cluster.assert_ended_once(story.packed_id)
    sql = "select fence, machine from simulations_simulation where id = %s"

    assert story.cluster.query(sql, story.packed_id) == [(2, story.rescuer.name)]
    assert story.cluster.ends(story.packed_id) == [("completed", 1)]
