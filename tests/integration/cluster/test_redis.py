"""The engine on Redis: whatever is killed, a simulation ends once."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psutil
import pytest
from rq import Queue

from simcrate.worker.rq_engine import SUPERVISE, queue_name
from tests.integration.cluster.conftest import Cluster, Machine, RunProcesses, kill, wait_for

pytestmark = pytest.mark.services

LONG = {"seconds": 2_000, "nodes": 20}
"""Some seconds of a run: long enough to kill somebody meanwhile."""


@pytest.fixture(scope="module")
def machine(cluster: Cluster) -> Iterator[Machine]:
    """A machine with three cores to be used, which works through all tests."""
    with cluster.portal.worker("--runs", "3"):
        yield cluster.portal


def running(cluster: Cluster, machine: Machine, simulation_id: str, number: int) -> RunProcesses:
    found: RunProcesses = wait_for(
        lambda: machine.processes_of(simulation_id, number), f"run {number}", cluster
    )
    return found


def assert_ended_once(cluster: Cluster, simulation_id: str, title: str) -> None:
    """One crate, one mail, no process."""
    cluster.wait_until_announced(simulation_id)

    assert len([key for key in cluster.crates() if key.endswith(f"/{title}.zip")]) == 1
    assert len([mail for mail in cluster.mails() if title in mail.read_text()]) == 1
    assert not [p for p in psutil.process_iter(["cmdline"]) if _works_on(p, simulation_id)]


def _works_on(process: psutil.Process, simulation_id: str) -> bool:
    try:
        return simulation_id in process.cwd()
    except psutil.Error:
        return False


def test_a_simulation_comes_through_redis_to_its_link(cluster: Cluster, machine: Machine) -> None:
    simulation_id = cluster.submit("through", runs=3)
    simulation = cluster.wait_until_announced(simulation_id)

    assert simulation["state"] == "delivered"
    assert httpx.get(simulation["link"]).is_success
    assert [state for state, _ in cluster.runs(simulation_id)] == ["completed"] * 3
    assert_ended_once(cluster, simulation_id, "through")


def test_runs_whose_rq_worker_forked_process_or_simulator_is_killed_end_once(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("killed", runs=3, **LONG)
    first, second, third = (running(cluster, machine, simulation_id, n) for n in range(3))
    kill(first.rq_worker)
    kill(second.horse)
    kill(third.simulator)

    assert_ended_once(cluster, simulation_id, "killed")
    sql = "select state, fence from simulations_run where simulation_id = %s order by number"
    assert cluster.query(sql, simulation_id) == [("completed", 1), ("completed", 2), ("failed", 1)]


def test_redis_that_is_lost_in_mid_work_costs_nothing(cluster: Cluster, machine: Machine) -> None:
    simulation_id = cluster.submit("emptied", runs=5, **LONG)
    running(cluster, machine, simulation_id, 0)
    cluster.redis.kill()
    cluster.redis.start()

    assert_ended_once(cluster, simulation_id, "emptied")
    assert [state for state, _ in cluster.runs(simulation_id)] == ["completed"] * 5


def test_postgresql_that_is_restarted_in_mid_work_costs_nothing(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("restarted", runs=2, **LONG)
    running(cluster, machine, simulation_id, 1)
    cluster.database.stop()
    cluster.database.start()

    assert_ended_once(cluster, simulation_id, "restarted")
    assert [state for state, _ in cluster.runs(simulation_id)] == ["completed"] * 2


def test_a_cancel_in_mid_run_ends_the_run_and_delivers_what_is_there(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("cancelled", seconds=10_000_000)
    running(cluster, machine, simulation_id, 0)
    cluster.portal.simcrate("cancel", simulation_id)

    assert_ended_once(cluster, simulation_id, "cancelled")
    assert [state for state, _ in cluster.runs(simulation_id)] == ["cancelled"]


def test_a_message_that_comes_twice_is_done_once(cluster: Cluster, machine: Machine) -> None:
    simulation_id = cluster.submit("twice", **LONG)
    running(cluster, machine, simulation_id, 0)
    ((key,),) = cluster.query(
        "select id from simulations_run where simulation_id = %s", simulation_id
    )
    with cluster.redis.client() as connection:
        queue = Queue(queue_name("oppsim"), connection=connection, serializer="json")
        messages = [queue.enqueue(SUPERVISE, str(key), job_timeout=-1) for _ in range(3)]
        assert_ended_once(cluster, simulation_id, "twice")
        assert all(message.is_finished for message in messages)
    assert cluster.query("select fence from simulations_run where id = %s", key) == [(1,)]


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
