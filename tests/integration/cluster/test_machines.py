"""Several machines: runs spread, their parts are staged, one machine packs and delivers."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.integration.cluster.conftest import Cluster, kill
from tests.servers.machine import Machine

pytestmark = pytest.mark.services


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Two machines at work: one packs and delivers, and runs; the other one only runs."""

    packer: Machine
    packer_keeper: psutil.Process
    runner: Machine


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    packer, runner = cluster.packer("packer"), cluster.runner("runner")
    with packer.worker() as keeper, runner.worker():
        yield Site(packer=packer, packer_keeper=keeper, runner=runner)


@pytest.fixture
def stopped_cloud(cluster: Cluster) -> Iterator[psutil.Process]:
    """The storage backend takes connections and does nothing more, until it is resumed."""
    process = psutil.Process(cluster.cloud.process.pid)
    process.suspend()
    yield process
    process.resume()


def test_runs_of_one_simulation_spread_over_machines_and_end_in_one_crate(
    cluster: Cluster, site: Site
) -> None:
    simulation_id = cluster.submit("spread", runs=4)
    here = cluster.caught(site.packer, simulation_id)
    there = cluster.caught(site.runner, simulation_id)
    for processes in (here, there):
        processes.simulator.resume()
    delivery = cluster.assert_ended_once(simulation_id)

    machines = {name for _, name in cluster.runs(simulation_id)}
    assert machines == {site.packer.name, site.runner.name}
    assert delivery.problems == []
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    for number in range(4):
        assert any(name.startswith(f"results/run-{number}/") for name in names)
        assert f"logs/run-{number}.log" in names


def test_a_machine_that_only_runs_holds_no_credentials_and_no_results(
    cluster: Cluster, site: Site
) -> None:
    secrets_dir = site.runner.var_dir / "secrets"
    secret = cluster.staging.secret.reveal()

    assert not list(site.runner.var_dir.glob("work/*/runs/*/*"))
    assert not secrets_dir.exists() or not list(secrets_dir.iterdir())
    assert secret not in str(site.runner.environment)
    assert secret not in site.runner.log


def test_a_part_that_the_staging_server_has_lost_is_run_again(cluster: Cluster, site: Site) -> None:
    simulation_id = cluster.submit("rotten", runs=2)
    here = cluster.caught(site.packer, simulation_id)
    sql = """
        select number from queue_part p join simulations_run r on r.id = run_id
        where simulation_id = %s and staged_at is not null
    """
    ((lost,),) = cluster.wait_for(lambda: cluster.query(sql, simulation_id), "a part")
    with cluster.staging.client() as client:
        for one in client.get("/objects").raise_for_status().json()["objects"]:
            client.delete(f"/objects/{one['id']}").raise_for_status()
    here.simulator.resume()
    cluster.assert_ended_once(simulation_id)

    ends = cluster.ends(simulation_id)
    assert ends[lost] == ("completed", 2)
    assert ends[here.number] == ("completed", 1)


def test_a_machine_that_was_killed_in_mid_upload_ends_its_delivery_once_when_it_is_back(
    cluster: Cluster, site: Site, stopped_cloud: psutil.Process
) -> None:
    def is_uploading() -> bool:
        peers = [tuple(one.raddr) for one in site.packer_keeper.net_connections()]
        return ("127.0.0.1", cluster.cloud.port) in peers

    simulation_id = cluster.submit("cut off")
    cluster.wait_for(is_uploading, "the upload")
    kill(site.packer_keeper)
    sql = "select state, fence from deliveries_delivery where simulation_id = %s"
    assert cluster.query(sql, simulation_id) == [("uploading", 1)]
    stopped_cloud.resume()
    with site.packer.worker():
        delivery = cluster.assert_ended_once(simulation_id)

    assert cluster.query(sql, simulation_id) == [("announced", 2)]
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
