"""Several machines: runs spread, their parts are staged, one machine packs and delivers."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests.integration.cluster.conftest import Cluster, Machine, kill, wait_for
from tests.servers.localcloud import LocalCloud, local_cloud

pytestmark = pytest.mark.services

LONG = {"seconds": 2_000, "nodes": 20}


@dataclass
class Site:
    """A cluster with a staging server, a machine that packs, and one that only runs."""

    cluster: Cluster
    staging: LocalCloud
    packer: Machine
    runner: Machine


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[Site]:
    with local_cloud(cluster.directory / "staging") as staging:
        runner = cluster.machine("runner", {"SIMCRATE_STAGING_URL": staging.url})
        secret_file = cluster.directory / "staging-secret"
        secret_file.write_text(staging.secret.reveal())
        settings = {"SIMCRATE_STAGING_SECRET_FILE": str(secret_file)}
        packer = cluster.machine("packer", {**runner.settings, **settings})
        packer.take_field_keys_of(cluster.portal)
        yield Site(cluster, staging, packer, runner)


def test_runs_of_one_simulation_spread_over_machines_and_end_in_one_crate(site: Site) -> None:
    cluster = site.cluster
    with ExitStack() as workers:
        for machine in (site.packer, site.runner):
            workers.enter_context(machine.worker("--runs", "2"))
        simulation_id = cluster.submit("spread", runs=6, **LONG)
        delivery = cluster.wait_until_announced(simulation_id)

    machines = {name for _, name in cluster.runs(simulation_id)}
    assert machines == {machine.name for machine in (site.packer, site.runner)}
    assert delivery.state == "announced"
    assert delivery.problems == []
    content = httpx.get(delivery.link_url).raise_for_status().content
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    for number in range(6):
        assert any(name.startswith(f"results/run-{number}/") for name in names)
        assert f"logs/run-{number}.log" in names
    assert len([key for key in cluster.crates() if key.endswith("/spread.zip")]) == 1


def test_a_machine_that_only_runs_holds_no_credentials_and_no_results(site: Site) -> None:
    secrets_dir = site.runner.var_dir / "secrets"
    secret = site.staging.secret.reveal()

    assert not list(site.runner.var_dir.glob("work/*/runs/*/*"))
    assert not secrets_dir.exists() or not list(secrets_dir.iterdir())
    assert secret not in str(site.runner.environment)
    assert secret not in site.runner.log


def test_a_run_that_was_not_staged_when_its_machine_was_lost_is_run_again_elsewhere(
    site: Site,
) -> None:
    cluster = site.cluster
    lost = cluster.machine("lost", site.runner.settings)
    with lost.worker("--runs", "1") as keeper:
        simulation_id = cluster.submit("unplugged", **LONG)
        processes = wait_for(lambda: lost.processes_of(simulation_id, 0), "run 0", cluster)
        for process in (keeper, processes.rq_worker, processes.horse, processes.simulator):
            kill(process)
    assert cluster.runs(simulation_id) == [("running", lost.name)]
    # nobody waits a minute in a test: the lease has run out
    cluster.execute(
        "update simulations_run set lease_until = now() - interval '1 s' where simulation_id = %s",
        simulation_id,
    )
    with site.packer.worker("--runs", "1"):
        delivery = cluster.wait_until_announced(simulation_id)

    assert delivery.state == "announced"
    assert cluster.runs(simulation_id) == [("completed", site.packer.name)]
    assert len([key for key in cluster.crates() if key.endswith("/unplugged.zip")]) == 1
    assert len([mail for mail in cluster.mails() if "unplugged" in mail.read_text()]) == 1


@pytest.mark.slow
def test_a_part_that_the_staging_server_has_lost_is_run_again(site: Site) -> None:
    cluster = site.cluster
    with site.runner.worker("--runs", "1"), site.packer.worker("--runs", "1") as packer:
        simulation_id = cluster.submit("rotten", runs=4, **LONG)
        part = "simulation_id = %s and machine = %s and staged_at is not null"
        sql = (
            f"select run_id from queue_part p join simulations_run r on r.id = run_id where {part}"
        )
        values = (simulation_id, site.runner.name)
        ((run_id,), *_) = wait_for(lambda: cluster.query(sql, *values), "a part", cluster)
        packer.suspend()
        with site.staging.client() as client:
            for one in client.get("/objects").json()["objects"]:
                client.delete(f"/objects/{one['id']}")
        packer.resume()
        delivery = cluster.wait_until_announced(simulation_id)

    assert delivery.state == "announced"
    assert [state for state, _ in cluster.runs(simulation_id)] == ["completed"] * 4
    assert cluster.query("select fence from simulations_run where id = %s", run_id) == [(2,)]
