"""An installation of several machines: PostgreSQL, Redis, local-cloud, and var directories as machines."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import pytest
from rq import Queue

from simcrate.worker.rq_engine import SUPERVISE, queue_name
from tests.servers.localcloud import LocalCloud, local_cloud
from tests.servers.machine import Machine, RunProcesses
from tests.servers.postgresql import PostgreSQL, postgresql_server
from tests.servers.redis import RedisServer, redis_server

T = TypeVar("T")
TIMEOUT_S = 90.0
LOOK_S = 0.1
CATCH_S = 0.02

SERVICES = """
import json, sys
from simcrate.cli.portal import start_portal
start_portal()
from allauth.account.models import EmailAddress
from django.db import connections
from simcrate.portal.accounts.models import User
from simcrate.portal.queue.wake import wake
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.services import cancel_simulation, submit_simulation
from simcrate.portal.storages.services import create_or_update
from simcrate.portal.workers.models import Worker
from simcrate.storage import StorageDefinition
alice = User.objects.create_user("alice", "alice@example.org", "a password")
EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
address, secret = sys.argv[1:]
create_or_update(StorageDefinition(name="Local storage", id="local", token=address,
    config={"secret": secret}, keep_days=7))

def answer(wish):
    match wish:
        case {"cancel": simulation_id}:
            cancel_simulation(Simulation.objects.get(pk=simulation_id), who="alice")
        case {"drain": machine}:
            Worker.objects.filter(machine=machine).update(is_draining=True)
            wake()
        case {"title": title, "ini": ini}:
            return str(submit_simulation(
                owner=alice, title=title, ini_name="omnetpp.ini", config="Short", precision_s=100,
                files={"omnetpp.ini": ini.encode()}, storage_id="local", notify_email=alice.email,
                left_out=["csv", "parquet", "figures"],
            ).pk)
    return ""

print("ready", flush=True)
for line in sys.stdin:
    connections.close_all()  # the database may have been restarted
    print(answer(json.loads(line)), flush=True)
"""
"""The portal's services in a process that stays: submitting takes milliseconds."""

INI = """
[General]
network = OppNet
sim-time-limit = {seconds}s
OppNet.messageInterval = 5s
OppNet.numNodes = 20
[Config Short]
repeat = {runs}
"""

HELD = "where lease_until is not null"

SECONDS = 2_000
"""Most of a second for a run: long enough to be caught in the middle."""


@dataclass(frozen=True)
class Delivery:
    id: str
    state: str
    link_url: str
    sha256: str
    problems: list[str]


class Services:
    """The portal's services, asked one thing at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self._answer() == "ready"

    def ask(self, **wish: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the portal's services have ended; their traceback says why"
        return line.strip()


@dataclass
class Cluster:
    """The servers that all machines share."""

    directory: Path
    database: PostgreSQL
    redis: RedisServer
    cloud: LocalCloud
    staging: LocalCloud
    portal: Machine
    services: Services

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> None:
        with psycopg.connect(self.database.url) as connection:
            connection.execute(sql, values)

    def runner(self, name: str, *, prefix: tuple[str, ...] = ()) -> Machine:
        """One more, that only runs."""
        settings = {**self.portal.settings, "SIMCRATE_STAGING_URL": self.staging.url}
        return Machine(self.directory / name, settings, prefix=prefix)

    def packer(self, name: str) -> Machine:
        """One more, that runs, packs and delivers."""
        runner = self.runner(name)
        secret = {"SIMCRATE_STAGING_SECRET_FILE": str(self.staging.folder / "secret")}
        machine = Machine(runner.var_dir, {**runner.settings, **secret})
        machine.take_field_keys_of(self.portal)
        return machine

    def submit(self, title: str, *, runs: int = 1, seconds: int = SECONDS) -> str:
        """A simulation of some runs; returns its id at once."""
        return self.services.ask(title=title, ini=INI.format(runs=runs, seconds=seconds))

    def cancel(self, simulation_id: str) -> None:
        self.services.ask(cancel=simulation_id)

    def runs(self, simulation_id: str) -> list[tuple[str, str]]:
        """State and machine of each."""
        sql = "select state, machine from simulations_run where simulation_id = %s order by number"
        return self.query(sql, simulation_id)

    def ends(self, simulation_id: str) -> list[tuple[str, int]]:
        """State and fence of each run: how it ended, and how often it was begun."""
        sql = "select state, fence from simulations_run where simulation_id = %s order by number"
        return self.query(sql, simulation_id)

    def let_leases_run_out(self) -> None:
        """Those that there are; nobody waits for a minute in a test."""
        for table in ("simulations_run", "simulations_simulation", "deliveries_delivery"):
            self.execute(f"update {table} set lease_until = now() - interval '1 s' {HELD}")

    def queue(self) -> Queue:
        """The one of oppsim's runs, over a connection of its own."""
        return Queue(queue_name("oppsim"), connection=self.redis.client(), serializer="json")

    def send_again(self, simulation_id: str) -> None:
        """Messages for all its runs, whatever has become of them."""
        keys = self.query("select id from simulations_run where simulation_id = %s", simulation_id)
        for (key,) in keys:
            self.queue().enqueue(SUPERVISE, str(key), job_timeout=-1)

    def wait_for(
        self, condition: Callable[[], T | None], what: str, *, look_s: float = LOOK_S
    ) -> T:
        """What `condition` gives, as soon as it is something."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (value := condition()):
            if time.monotonic() > deadline:
                logs = (path.read_text()[-6000:] for path in self.directory.glob("*/worker.log"))
                pytest.fail("\n".join([f"{what} did not come", *logs]))
            time.sleep(look_s)
        return value

    def midway(
        self, machine: Machine, simulation_id: str, number: int | None = None
    ) -> RunProcesses:
        """The processes of a run, that one or any, which is in the middle."""
        return self.wait_for(
            lambda: machine.midway(simulation_id, number), "the middle of a run", look_s=CATCH_S
        )

    def caught(
        self, machine: Machine, simulation_id: str, number: int | None = None
    ) -> RunProcesses:
        """The same, with the simulator stopped until somebody resumes or kills it."""
        processes = self.midway(machine, simulation_id, number)
        processes.simulator.suspend()
        return processes

    def wait_until_announced(self, simulation_id: str) -> Delivery:
        """Its delivery, once it is over."""
        sql = """
            select d.id, d.state, link_url, sha256, problems from deliveries_delivery d
            join simulations_simulation s on s.id = simulation_id
            where s.id = %s and spool_released_at is not null
        """
        rows = self.wait_for(lambda: self.query(sql, simulation_id), f"{simulation_id}")
        (row,) = rows
        return Delivery(*row)

    def assert_ended_once(self, simulation_id: str) -> Delivery:
        """One delivery, one crate, one mail, and no process that works on it."""
        delivery = self.wait_until_announced(simulation_id)

        assert delivery.state == "announced"
        assert len([key for key in self._crates() if key.startswith(f"{delivery.id}/")]) == 1
        assert len([mail for mail in self._mails() if simulation_id in mail]) == 1
        assert not [p for p in psutil.process_iter() if _works_on(p, simulation_id)]
        return delivery

    def _mails(self) -> list[str]:
        """What was announced, by whichever machine."""
        return [_text(path) for path in self.directory.glob("*/outbox/*.eml")]

    def _crates(self) -> list[str]:
        """The keys of what the storage backend holds."""
        with self.cloud.client() as client:
            objects = client.get("/objects").raise_for_status().json()["objects"]
        return [one["key"] for one in objects]


def _text(path: Path) -> str:
    body = message_from_bytes(path.read_bytes(), policy=default).get_body()
    assert body is not None
    return str(body.get_content())


def _works_on(process: psutil.Process, simulation_id: str) -> bool:
    try:
        return simulation_id in process.cwd()
    except (psutil.Error, OSError):  # it has ended, or is in a directory without a name
        return False


def kill(*processes: psutil.Process) -> None:
    """All at once: none of them sees another one die."""
    for process in processes:
        process.suspend()
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=TIMEOUT_S)


@contextmanager
def _services(portal: Machine, cloud: LocalCloud) -> Iterator[Services]:
    command = [sys.executable, "-c", SERVICES, cloud.address, cloud.secret.reveal()]
    with subprocess.Popen(
        command, env=portal.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Services(process)
        process.kill()


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One for all tests of this directory; each leaves it without work and without workers."""
    directory = tmp_path_factory.mktemp("cluster")
    with (
        postgresql_server() as database,
        redis_server() as redis,
        local_cloud(directory / "cloud") as cloud,
        local_cloud(directory / "staging") as staging,
    ):
        settings: Mapping[str, str] = {
            "SIMCRATE_DATABASE_URL": database.url,
            "SIMCRATE_REDIS_URL": redis.url,
            "MPLCONFIGDIR": str(directory / "matplotlib"),  # fonts are looked for once, not by each
        }
        portal = Machine(directory / "portal", settings)
        with _services(portal, cloud) as services:
            yield Cluster(directory, database, redis, cloud, staging, portal, services)
