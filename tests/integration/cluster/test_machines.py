"""Several machines: runs spread, their parts are staged, one machine packs and delivers."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest

from tests.integration.cluster.conftest import Cluster, kill
from tests.servers.machine import Machine

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def packer(cluster: Cluster) -> Machine:
    return cluster.packer("packer")


@pytest.fixture(scope="module")
def runner(cluster: Cluster) -> Machine:
    return cluster.runner("runner")


@pytest.fixture
def stopped_cloud(cluster: Cluster) -> Iterator[psutil.Process]:
    """The storage backend takes connections and does nothing more, until it is resumed."""
    process = psutil.Process(cluster.cloud.process.pid)
    process.suspend()
    yield process
    process.resume()


def test_runs_of_one_simulation_spread_over_machines_and_end_in_one_crate(
    cluster: Cluster, packer: Machine, runner: Machine
) -> None:
    with ExitStack() as workers:
        for machine in (packer, runner):
            workers.enter_context(machine.worker(runs=2))
        simulation_id = cluster.submit("spread", runs=6)
        delivery = cluster.assert_ended_once(simulation_id)

    machines = {name for _, name in cluster.runs(simulation_id)}
    assert machines == {packer.name, runner.name}
    assert delivery.problems == []
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    for number in range(6):
        assert any(name.startswith(f"results/run-{number}/") for name in names)
        assert f"logs/run-{number}.log" in names


def test_a_machine_that_only_runs_holds_no_credentials_and_no_results(
    cluster: Cluster, runner: Machine
) -> None:
    secrets_dir = runner.var_dir / "secrets"
    secret = cluster.staging.secret.reveal()

    assert not list(runner.var_dir.glob("work/*/runs/*/*"))
    assert not secrets_dir.exists() or not list(secrets_dir.iterdir())
    assert secret not in str(runner.environment)
    assert secret not in runner.log


def test_a_part_that_the_staging_server_has_lost_is_run_again(
    cluster: Cluster, packer: Machine, runner: Machine
) -> None:
    with ExitStack() as workers:
        workers.enter_context(packer.worker())
        simulation_id = cluster.submit("rotten", runs=2)
        here = cluster.caught(packer, simulation_id)
        workers.enter_context(runner.worker())
        sql = """
            select run_id from queue_part p join simulations_run r on r.id = run_id
            where simulation_id = %s and staged_at is not null
        """
        ((run_id,),) = cluster.wait_for(lambda: cluster.query(sql, simulation_id), "a part")
        with cluster.staging.client() as client:
            for one in client.get("/objects").json()["objects"]:
                client.delete(f"/objects/{one['id']}")
        here.simulator.resume()
        cluster.assert_ended_once(simulation_id)

    assert [state for state, _ in cluster.ends(simulation_id)] == ["completed"] * 2
    assert cluster.query("select fence from simulations_run where id = %s", run_id) == [(2,)]


def test_a_machine_that_was_killed_in_mid_upload_ends_its_delivery_once_when_it_is_back(
    cluster: Cluster, packer: Machine, stopped_cloud: psutil.Process
) -> None:
    def is_uploading() -> bool:
        peers = [tuple(one.raddr) for one in keeper.net_connections()]
        return ("127.0.0.1", cluster.cloud.port) in peers

    with packer.worker() as keeper:
        simulation_id = cluster.submit("cut off")
        cluster.wait_for(is_uploading, "the upload")
        kill(keeper)
    sql = "select state, fence from deliveries_delivery where simulation_id = %s"
    assert cluster.query(sql, simulation_id) == [("uploading", 1)]
    stopped_cloud.resume()
    with packer.worker():
        delivery = cluster.assert_ended_once(simulation_id)

    assert cluster.query(sql, simulation_id) == [("announced", 2)]
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
