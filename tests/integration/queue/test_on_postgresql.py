"""Claims, leases and fences on PostgreSQL: the same tests, and two processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgresql import postgresql

pytestmark = pytest.mark.services

HERE = Path(__file__).parent
RUNS = 60

SUBMIT = f"""
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.storages.models import StorageBackend
simulation = Simulation.objects.create(
    owner=User.objects.create_user("alice"), title="study", simulator="oppsim",
    ini_name="omnetpp.ini", config="General", precision_s=1,
    storage=StorageBackend.objects.create(name="Local", identifier="local", token="127.0.0.1:1"))
Run.objects.bulk_create(Run(simulation=simulation, number=number) for number in range({RUNS}))
"""
SUBMIT_MANY_OF_BOB = """
from django.contrib.auth.models import Group
from simcrate.portal.accounts.models import User
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.storages.models import StorageBackend
group = Group.objects.create(name="students")
GroupLimits.objects.create(group=group, parallel_simulations=3)
bob = User.objects.create_user("bob")
bob.groups.add(group)
storage = StorageBackend.objects.create(name="His", identifier="local:his", token="127.0.0.1:1")
for _ in range(30):
    simulation = Simulation.objects.create(owner=bob, title="study", simulator="oppsim",
        ini_name="omnetpp.ini", config="General", precision_s=1, storage=storage)
    Run.objects.create(simulation=simulation, number=0)
"""
CLAIM_ALL = """
import os
from simcrate.portal.queue.port import RowsPort
from simcrate.worker.port import WorkKind
port = RowsPort(owner=f"here/{os.getpid()}/1.00", machine="here")
while claim := port.claim([WorkKind.RUN]):
    print(claim.id)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with postgresql() as url:
        var_dir = tmp_path_factory.mktemp("var")
        yield {**os.environ, "SIMCRATE_VAR": str(var_dir), "SIMCRATE_DATABASE_URL": url}


def portal(script: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    prelude = "from simcrate.cli.portal import start_portal; start_portal()\n"
    command = [sys.executable, "-c", prelude + script]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_the_tests_of_the_queue_pass_on_postgresql(environment: dict[str, str]) -> None:
    names = (
        "test_port.py",
        "test_workers.py",
        "test_plans.py",
        "test_parts.py",
        "test_clock_jumps.py",
        "test_takeover.py",
        "test_metrics.py",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(HERE / n for n in names)],
        env={**environment, "TESTS_DATABASE_URL": environment["SIMCRATE_DATABASE_URL"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "database: postgresql" in done.stdout
    assert done.returncode == 0, done.stdout[-4000:]


def test_processes_that_claim_at_once_share_the_runs(environment: dict[str, str]) -> None:
    portal(SUBMIT, environment).communicate()
    workers = [portal(CLAIM_ALL, environment) for _ in range(3)]
    claimed = [worker.communicate()[0].split() for worker in workers]

    everything = [run for runs in claimed for run in runs]
    assert len(everything) == len(set(everything)) == RUNS


def test_processes_that_claim_at_once_keep_to_the_limit_of_an_owner(
    environment: dict[str, str],
) -> None:
    portal(SUBMIT_MANY_OF_BOB, environment).communicate()
    workers = [portal(CLAIM_ALL, environment) for _ in range(3)]

    assert sum(len(worker.communicate()[0].split()) for worker in workers) == 3
