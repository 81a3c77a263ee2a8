"""The engine on Redis: whatever is killed, a simulation ends once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import psutil
import pytest
from rq import Queue

from simcrate.worker.rq_engine import SUPERVISE, queue_name
from tests.integration.cluster.conftest import (
    TIMEOUT_S,
    Cluster,
    Delivery,
    Machine,
    RunProcesses,
    kill,
    wait_for,
)

pytestmark = pytest.mark.services

LONG = {"seconds": 2_000, "nodes": 20}
"""Some seconds of a run: long enough to kill somebody meanwhile."""


@pytest.fixture(scope="module")
def machine(cluster: Cluster) -> Iterator[Machine]:
    """A machine with three cores to be used, which works through the tests below those without it."""
    with cluster.portal.worker("--runs", "3"):
        yield cluster.portal


def running(cluster: Cluster, machine: Machine, simulation_id: str, number: int) -> RunProcesses:
    found: RunProcesses = wait_for(
        lambda: machine.processes_of(simulation_id, number), f"run {number}", cluster
    )
    return found


def assert_ended_once(cluster: Cluster, simulation_id: str, title: str) -> Delivery:
    """One crate, one mail, no process."""
    delivery = cluster.wait_until_announced(simulation_id)

    assert len([key for key in cluster.crates() if key.endswith(f"/{title}.zip")]) == 1
    assert len([mail for mail in cluster.mails() if title in mail.read_text()]) == 1
    assert not [p for p in psutil.process_iter() if _works_on(p, simulation_id)]
    return delivery


def _works_on(process: psutil.Process, simulation_id: str) -> bool:
    try:
        return simulation_id in process.cwd()
    except psutil.Error:
        return False


def test_a_message_holds_the_id_of_a_run_and_nothing_else(cluster: Cluster) -> None:
    simulation_id = cluster.submit("a title that nobody should read")
    ((key,),) = cluster.query(
        "select id from simulations_run where simulation_id = %s", simulation_id
    )
    with cluster.redis.client() as connection:
        (message,) = Queue(queue_name("oppsim"), connection=connection, serializer="json").jobs
        fields = connection.hgetall(message.key)
    cluster.cancel(simulation_id)

    assert (message.func_name, list(message.args)) == (SUPERVISE, [str(key)])
    assert message.kwargs == {}
    for word in ("title", "alice", simulation_id):
        assert word not in str(fields)


def test_a_worker_that_is_stopped_while_redis_is_away_leaves_no_process(cluster: Cluster) -> None:
    with cluster.portal.worker("--runs", "2") as keeper:
        with cluster.redis.client() as connection:
            wait_for(lambda: connection.scard("rq:workers") == 2, "two rq workers", cluster)
        children = keeper.children()
        cluster.redis.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    cluster.redis.start()

    assert len(children) == 2
    assert alive == []


def test_a_keeper_that_is_killed_takes_its_workers_along_and_the_next_one_goes_on(
    cluster: Cluster,
) -> None:
    with cluster.portal.worker("--runs", "1") as keeper:
        simulation_id = cluster.submit("keeperless", **LONG)
        processes = running(cluster, cluster.portal, simulation_id, 0)
        kill(keeper)
        psutil.wait_procs([processes.rq_worker, processes.horse, processes.simulator], timeout=30)
    with cluster.portal.worker("--runs", "1"):
        assert_ended_once(cluster, simulation_id, "keeperless")


@pytest.mark.slow
def test_a_machine_that_is_drained_finishes_its_run_and_ends(cluster: Cluster) -> None:
    with cluster.portal.worker("--runs", "1") as keeper:
        simulation_id = cluster.submit("drained", runs=2, seconds=5_000, nodes=20)
        running(cluster, cluster.portal, simulation_id, 0)
        cluster.execute("update workers_worker set is_draining = true")
        keeper.wait(timeout=TIMEOUT_S)

    assert cluster.ends(simulation_id) == [("completed", 1), ("queued", 0)]
    cluster.cancel(simulation_id)


def test_runs_whose_rq_worker_forked_process_or_simulator_is_killed_end_once(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("killed", runs=4, **LONG)
    first, second, third = (running(cluster, machine, simulation_id, n) for n in range(3))
    kill(first.rq_worker)
    kill(second.horse)
    kill(third.simulator)
    delivery = assert_ended_once(cluster, simulation_id, "killed")

    ends = [("completed", 1), ("completed", 2), ("failed", 1), ("completed", 1)]
    assert cluster.ends(simulation_id) == ends
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256


def test_redis_emptied_postgresql_restarted_and_messages_that_come_twice_cost_nothing(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("restarted", runs=5, **LONG)
    running(cluster, machine, simulation_id, 0)
    cluster.redis.kill()
    cluster.redis.start()
    cluster.database.stop()
    cluster.database.start()
    cluster.send_again(simulation_id)

    assert_ended_once(cluster, simulation_id, "restarted")
    assert cluster.ends(simulation_id) == [("completed", 1)] * 5


def test_a_cancel_in_mid_run_ends_the_run_and_delivers_what_is_there(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("cancelled", seconds=900_000)
    running(cluster, machine, simulation_id, 0)
    cluster.cancel(simulation_id)

    assert_ended_once(cluster, simulation_id, "cancelled")
    assert cluster.ends(simulation_id) == [("cancelled", 1)]
