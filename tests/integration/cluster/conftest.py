"""An installation of several machines: PostgreSQL, Redis, local-cloud, and var directories as machines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from rq import Queue

from simcrate.worker.rq_engine import SUPERVISE, queue_name
from tests.servers.localcloud import LocalCloud, local_cloud
from tests.servers.postgresql import PostgreSQL, postgresql_server
from tests.servers.redis import RedisServer, redis_server

TIMEOUT_S = 120.0
LOOK_S = 0.05

SERVICES = """
import json, sys
from simcrate.cli.portal import use_portal
use_portal()
from allauth.account.models import EmailAddress
from django.db import connections
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.services import cancel_simulation, submit_simulation
from simcrate.portal.storages.services import create_or_update
from simcrate.storage import StorageDefinition
alice = User.objects.create_user("alice", "alice@example.org", "a password")
EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
address, secret = sys.argv[1:]
create_or_update(StorageDefinition(name="Local storage", id="local", token=address,
    config={"secret": secret}, keep_days=7))

def answer(wish):
    if "cancel" in wish:
        cancel_simulation(Simulation.objects.get(pk=wish["cancel"]), by=alice)
        return ""
    return str(submit_simulation(
        owner=alice, title=wish["title"], ini_name="omnetpp.ini", config="Short", precision_s=1,
        files={"omnetpp.ini": wish["ini"].encode()}, storage_id="local", notify_email=alice.email,
    ).pk)

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
OppNet.numNodes = {nodes}
[Config Short]
repeat = {runs}
"""


@dataclass
class Machine:
    """One machine: a var directory, and what its `SIMCRATE_*` say."""

    var_dir: Path
    settings: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SIMCRATE_VAR": str(self.var_dir), **self.settings}

    @property
    def name(self) -> str:
        """As rows have it; made when its first worker starts."""
        return (self.var_dir / "machine").read_text()

    def take_field_keys_of(self, other: Machine) -> None:
        """What an administrator copies to every machine that delivers."""
        secrets_dir = self.var_dir / "secrets"
        secrets_dir.mkdir(parents=True, mode=0o700)
        shutil.copy(other.var_dir / "secrets" / "field-keys", secrets_dir)

    @property
    def log(self) -> str:
        """What its workers have said."""
        path = self.var_dir / "worker.log"
        return path.read_text() if path.exists() else ""

    @contextmanager
    def worker(self, *options: str) -> Iterator[psutil.Process]:
        """`simcrate worker`, and the end of everything that it started."""
        self.var_dir.mkdir(parents=True, exist_ok=True)
        with (self.var_dir / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "simcrate", "worker", *options],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=TIMEOUT_S)

    def processes_of(self, simulation_id: str, number: int) -> RunProcesses | None:
        """Who works on that run of this machine now."""
        path = self.var_dir / "work" / simulation_id / "runs" / str(number) / "process.json"
        try:
            identity = json.loads(path.read_text())
            horse = psutil.Process(identity["parent"]["pid"])
            simulator = psutil.Process(identity["program"]["pid"])
            rq_worker = horse.parent()
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None
        assert rq_worker is not None
        return RunProcesses(rq_worker=rq_worker, horse=horse, simulator=simulator)


@dataclass(frozen=True)
class RunProcesses:
    """The processes of one run."""

    rq_worker: psutil.Process
    horse: psutil.Process
    simulator: psutil.Process


@dataclass(frozen=True)
class Delivery:
    state: str
    link_url: str
    sha256: str
    problems: list[str]


class Services:
    """The portal's services, asked one thing at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self._answer() == "ready"

    def ask(self, wish: Mapping[str, str]) -> str:
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
    portal: Machine
    services: Services

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> None:
        with psycopg.connect(self.database.url) as connection:
            connection.execute(sql, values)

    def machine(self, name: str, settings: Mapping[str, str]) -> Machine:
        """One more, that reaches the same servers."""
        return Machine(self.directory / name, {**self.portal.settings, **settings})

    def submit(self, title: str, *, runs: int = 1, seconds: int = 60, nodes: int = 5) -> str:
        """A simulation of some runs; returns its id at once."""
        ini = INI.format(runs=runs, seconds=seconds, nodes=nodes)
        return self.services.ask({"title": title, "ini": ini})

    def cancel(self, simulation_id: str) -> None:
        self.services.ask({"cancel": simulation_id})

    def runs(self, simulation_id: str) -> list[tuple[str, str]]:
        """State and machine of each."""
        sql = "select state, machine from simulations_run where simulation_id = %s order by number"
        return self.query(sql, simulation_id)

    def ends(self, simulation_id: str) -> list[tuple[str, int]]:
        """State and fence of each run: how it ended, and how often it was begun."""
        sql = "select state, fence from simulations_run where simulation_id = %s order by number"
        return self.query(sql, simulation_id)

    def send_again(self, simulation_id: str) -> None:
        """Messages for all its runs, whatever has become of them."""
        keys = self.query("select id from simulations_run where simulation_id = %s", simulation_id)
        with self.redis.client() as connection:
            queue = Queue(queue_name("oppsim"), connection=connection, serializer="json")
            for (key,) in keys:
                queue.enqueue(SUPERVISE, str(key), job_timeout=-1)

    def wait_until_announced(self, simulation_id: str) -> Delivery:
        """Its delivery, once it is over."""
        sql = """
            select d.state, link_url, sha256, problems from deliveries_delivery d
            join simulations_simulation s on s.id = simulation_id
            where s.id = %s and spool_released_at is not null
        """
        (row,) = wait_for(lambda: self.query(sql, simulation_id), f"{simulation_id}", self)
        return Delivery(*row)

    def crates(self) -> list[str]:
        """The keys of what local-cloud holds that is a crate."""
        with self.cloud.client() as client:
            objects = client.get("/objects").raise_for_status().json()["objects"]
        return [one["key"] for one in objects if not one["key"].startswith("parts/")]

    def mails(self) -> list[Path]:
        """What was announced, by whichever machine."""
        return list(self.directory.glob("*/outbox/*.eml"))


def wait_for(
    condition: Callable[[], object], what: str, cluster: Cluster, *, timeout_s: float = TIMEOUT_S
) -> Any:  # noqa: ANN401 - whatever the condition gives
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(LOOK_S)
    logs = (path.read_text()[-6000:] for path in cluster.directory.glob("*/worker.log"))
    return pytest.fail("\n".join([f"{what} did not come", *logs]))


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    with (
        postgresql_server() as database,
        redis_server() as redis,
        local_cloud(directory / "cloud") as cloud,
    ):
        settings = {"SIMCRATE_DATABASE_URL": database.url, "SIMCRATE_REDIS_URL": redis.url}
        portal = Machine(directory / "portal", settings)
        command = [sys.executable, "-c", SERVICES, cloud.address, cloud.secret.reveal()]
        with subprocess.Popen(
            command,
            env=portal.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            yield Cluster(directory, database, redis, cloud, portal, Services(process))
            process.kill()
