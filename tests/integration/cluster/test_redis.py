"""The engine on Redis, on one machine: whatever is killed, a simulation ends once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from simcrate.worker.rq_engine import SUPERVISE
from tests.integration.cluster.conftest import Cluster, kill
from tests.servers.clocks import WallClock
from tests.servers.machine import Machine

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def alone(cluster: Cluster) -> Machine:
    """A machine that needs no staging server, since there is no other one."""
    cluster.execute("delete from workers_worker")  # those of other tests would count for a minute
    with cluster.redis.client() as connection:
        connection.flushall()
    return cluster.portal


@pytest.fixture(scope="module")
def machine(alone: Machine) -> Iterator[Machine]:
    """With three cores to be used; it works through the tests below those without it."""
    with alone.worker(runs=3):
        yield alone


def test_a_message_holds_the_id_of_a_run_and_nothing_else(cluster: Cluster) -> None:
    simulation_id = cluster.submit("a title that nobody should read")
    ((key,),) = cluster.query(
        "select id from simulations_run where simulation_id = %s", simulation_id
    )
    queue = cluster.queue()
    (message,) = queue.jobs
    fields = queue.connection.hgetall(message.key)
    cluster.cancel(simulation_id)

    assert (message.func_name, list(message.args)) == (SUPERVISE, [str(key)])
    assert message.kwargs == {}
    for word in ("title", "alice", simulation_id):
        assert word not in str(fields)


def test_a_worker_that_is_stopped_while_redis_is_away_leaves_no_process(
    cluster: Cluster, alone: Machine
) -> None:
    with alone.worker(runs=2) as keeper:
        with cluster.redis.client() as connection:
            cluster.wait_for(lambda: connection.scard("rq:workers") == 2, "two rq workers")
        children = keeper.children()
        cluster.redis.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    cluster.redis.start()

    assert len(children) == 2
    assert alive == []


def test_a_keeper_that_is_killed_takes_its_workers_along_and_the_next_one_goes_on(
    cluster: Cluster, alone: Machine
) -> None:
    with alone.worker(runs=2) as keeper:
        simulation_id = cluster.submit("keeperless", runs=2, seconds=5_000)
        alive, dead = (cluster.midway(alone, simulation_id, n) for n in range(2))
        kill(keeper, dead.simulator)
        both = [alive.rq_worker, alive.simulator, dead.rq_worker]
        _, left = psutil.wait_procs(both, timeout=30)
    assert left == []
    with alone.worker(runs=2):
        cluster.assert_ended_once(simulation_id)

    first, second = cluster.ends(simulation_id)
    assert first == ("completed", 2)
    # told to let go, the rq worker may have been faster to write down how the simulator had ended
    assert second in [("completed", 2), ("failed", 1)]


def test_a_machine_that_is_drained_finishes_its_run_and_ends(
    cluster: Cluster, alone: Machine
) -> None:
    with alone.worker() as keeper:
        simulation_id = cluster.submit("drained", runs=2)
        processes = cluster.caught(alone, simulation_id)
        seen = "select seen_at from workers_worker where machine = %s order by seen_at desc"
        (before, *_) = cluster.query(seen, alone.name)
        cluster.services.ask(drain=alone.name)
        cluster.wait_for(lambda: cluster.query(seen, alone.name)[0] > before, "the next look")
        cluster.database.stop()  # what ends now cannot be written yet
        processes.simulator.resume()
        psutil.wait_procs([processes.simulator], timeout=30)
        with pytest.raises(psutil.TimeoutExpired):
            keeper.wait(timeout=1.5)
        cluster.database.start()
        keeper.wait(timeout=30)

    assert sorted(cluster.ends(simulation_id)) == [("completed", 1), ("queued", 0)]
    cluster.cancel(simulation_id)


def test_a_clock_that_jumps_in_mid_run_so_that_rq_gives_its_message_up_costs_nothing(
    cluster: Cluster, alone: Machine, tmp_path: Path
) -> None:
    clock = WallClock(tmp_path)
    machine = replace(alone, settings={**alone.settings, **clock.environment})
    with machine.worker():
        simulation_id = cluster.submit("time traveller")
        processes = cluster.caught(machine, simulation_id)
        started = cluster.queue().started_job_registry
        assert started.get_job_count(cleanup=False)
        clock.set(hours=2)
        with machine.worker():  # its rq worker clears away what it holds for overdue
            cluster.wait_for(lambda: not started.get_job_count(cleanup=False), "a clearance")
            processes.simulator.resume()
            cluster.assert_ended_once(simulation_id)

    assert cluster.ends(simulation_id) == [("completed", 1)]


def test_redis_away_and_emptied_postgresql_restarted_and_messages_that_come_twice_cost_nothing(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("restarted", runs=5)
    first, *others = (cluster.caught(machine, simulation_id, n) for n in range(3))
    cluster.redis.kill()
    first.simulator.resume()
    cluster.wait_for(lambda: ("completed", 1) in cluster.ends(simulation_id), "an end")
    cluster.redis.start()
    cluster.database.stop()
    cluster.database.start()
    cluster.send_again(simulation_id)
    for processes in others:
        processes.simulator.resume()

    cluster.assert_ended_once(simulation_id)
    assert cluster.ends(simulation_id) == [("completed", 1)] * 5


def test_a_cancel_in_mid_run_ends_the_run_and_delivers_what_is_there(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("cancelled", seconds=900_000)
    cluster.midway(machine, simulation_id)
    cluster.cancel(simulation_id)

    cluster.assert_ended_once(simulation_id)
    assert cluster.ends(simulation_id) == [("cancelled", 1)]


def test_runs_whose_rq_worker_or_simulator_or_both_are_killed_end_once(
    cluster: Cluster, machine: Machine
) -> None:
    simulation_id = cluster.submit("killed", runs=4)
    first, second, third = (cluster.caught(machine, simulation_id, n) for n in range(3))
    kill(first.rq_worker)
    kill(second.simulator)
    kill(third.rq_worker, third.simulator)
    delivery = cluster.assert_ended_once(simulation_id)

    ends = [("completed", 2), ("failed", 1), ("completed", 2), ("completed", 1)]
    assert cluster.ends(simulation_id) == ends
    assert not first.simulator.is_running()
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
