"""From submission to a simulator that runs, cores kept busy, 50 runs at a time, claims beside 100,000 others.

Each figure is a worker's as users start it, in an empty var directory, over Redis with PostgreSQL; the
peers are the promised figures, and a claim in a database without anything finished.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks import Row

EMBEDDED_LIMIT_S = 0.3
REDIS_LIMIT_S = 1.0
BUSY_LIMIT = 0.9
BUSY_RUNS = 60
IN_FLIGHT = 50
SUPERVISOR_LIMIT = 0.03  # of a core
SUPERVISOR_LIMIT_BYTES = 150e6
SUPERVISOR_WATCHED_S = 20
FINISHED = 100_000
CLAIM_PEER_RATIO = 0.5  # half as fast is still "not slowed"

PRELUDE = "from simcrate.cli.portal import start_portal; start_portal()\n"
SETUP = """
from simcrate.portal.accounts.models import User
from simcrate.portal.storages.models import StorageBackend
User.objects.create_user("alice")
StorageBackend.objects.create(name="Local", identifier="local", token="127.0.0.1:1")
"""
START = """
import json, statistics, time
from pathlib import Path
import psutil
from django.conf import settings
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.services import submit_simulation
ini = b"[General]\\nnetwork = OppNet\\nOppNet.numNodes = 20\\nsim-time-limit = 3000s\\n"

def submit():
    return submit_simulation(
        owner=User.objects.get(), ini_name="omnetpp.ini", files={"omnetpp.ini": ini},
        config="General", precision_s=1, storage_id="local")

def started_at(simulation):
    path = settings.VAR_DIR / "work" / str(simulation.pk) / "runs" / "0" / "process.json"
    while True:
        try:
            return psutil.Process(json.loads(path.read_text())["program"]["pid"]).create_time()
        except (OSError, ValueError):
            time.sleep(0.01)

waits = []
for _ in range(7):
    asked_at = time.time()
    simulation = submit()
    waits.append(started_at(simulation) - asked_at)
    while simulation.runs.filter(ended_at=None).exists():
        time.sleep(0.2)
print([statistics.median(waits)])
"""
BUSY = """
import time
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.services import submit_simulation
ini = (b"[General]\\nnetwork = OppNet\\nOppNet.numNodes = 20\\nsim-time-limit = 3200s\\n"
       b"repeat = {runs}\\nOppNet.messageInterval = 5s\\n")
simulation = submit_simulation(
    owner=User.objects.get(), ini_name="omnetpp.ini", files={{"omnetpp.ini": ini}},
    config="General", precision_s=1, storage_id="local")
while simulation.runs.filter(ended_at=None).exists():
    time.sleep(0.2)
runs = list(simulation.runs.all())
elapsed = max(run.ended_at for run in runs) - min(run.started_at for run in runs)
used = sum(run.outcome["wall_time_s"] for run in runs)
print([used / (2 * elapsed.total_seconds()), used / len(runs)])
"""
WAITER = """
[[simulators]]
name = "waiter"
title = "Says how far it is, each second"
kind = "command"
command = ["python3", "-S", "-c", "import sys; exec(open(sys.argv[1]).read())", "{ini}", "{run}", "{results}", "{config}"]
progress = '(?P<percent>\\d+) %'
"""
WAIT = b"""import sys, time
for i in range(60):
    time.sleep(1)
    print(f"** Event #{i * 9999}  T={i}  {i * 100 // 60} % completed", flush=True)
with open(f"{sys.argv[3]}/run-{sys.argv[2]}.csv", "w") as file:
    file.write("time,value\\n0,1\\n")
"""
FLIGHT = """
import time
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.services import submit_simulation
from simcrate.portal.workers.models import Worker
while not Worker.objects.exists():
    time.sleep(0.1)
simulation = submit_simulation(
    owner=User.objects.get(), ini_name="wait.py", files={{"wait.py": {script!r}}}, simulator="waiter",
    config="General", run_filter="0..{last}", precision_s=1, storage_id="local")
while simulation.runs.filter(started_at=None).exists():
    time.sleep(0.2)
print([])
"""
CLAIMS = """
import time
from simcrate.portal.accounts.models import User
from simcrate.portal.queue.port import RowsPort
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.worker.port import WorkKind
alice, local = User.objects.get(), StorageBackend.objects.get()

def simulations(count, **columns):
    rows = [Simulation(owner=alice, title="s", simulator="oppsim", ini_name="omnetpp.ini",
        config="General", precision_s=1, storage=local, machine="here", **columns)
        for _ in range(count)]
    Simulation.objects.bulk_create(rows, batch_size=500)
    return rows

def claim_s():
    port = RowsPort(owner="here/1/1.00", machine="here")
    (one,) = simulations(1)
    Run.objects.bulk_create(Run(simulation=one, number=number) for number in range(200))
    start = time.perf_counter()
    for _ in range(200):
        assert port.claim(list(WorkKind))
    return (time.perf_counter() - start) / 200

def finish_all(rows):
    Run.objects.bulk_create(
        (Run(simulation=row, number=0, state="completed", machine="here", started_at=row.packed_at)
         for row in rows), batch_size=500)

empty_s = claim_s()
Run.objects.update(state="completed")
from django.utils import timezone
finish_all(simulations({finished}, packed_at=timezone.now()))
print([empty_s, claim_s()])
"""


def run() -> list[Row]:
    from tests.servers.postgresql import postgresql_server
    from tests.servers.redis import redis_server

    rows = []
    with installation({}) as environment, worker(environment):
        rows.append(_start_row("embedded", EMBEDDED_LIMIT_S, *portal(START, environment)))
        rows.append(_busy_row("embedded", *portal(BUSY.format(runs=BUSY_RUNS), environment)))
    with redis_server() as redis, postgresql_server() as database:
        settings = {"SIMCRATE_REDIS_URL": redis.url, "SIMCRATE_DATABASE_URL": database.url}
        with installation(settings) as environment, worker(environment):
            rows.append(_start_row("Redis", REDIS_LIMIT_S, *portal(START, environment)))
            rows.append(_busy_row("Redis", *portal(BUSY.format(runs=BUSY_RUNS), environment)))
    with installation({"SIMCRATE_SANDBOX": "none"}) as environment:
        rows += _flight_rows(*supervisor_use(environment))
    with installation({}) as environment:
        rows.append(_claim_row(*portal(CLAIMS.format(finished=FINISHED), environment)))
    return rows


def supervisor_use(environment: Mapping[str, str]) -> tuple[float, float]:
    """What a worker with many runs in flight uses itself: cores, and bytes of memory."""
    definition = Path(environment["SIMCRATE_VAR"]) / "waiter.toml"
    definition.write_text(WAITER)
    simcrate = [sys.executable, "-m", "simcrate"]
    subprocess.run(
        [*simcrate, "simulator", "import", definition],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with worker(environment, runs=IN_FLIGHT) as process:
        portal(FLIGHT.format(script=WAIT, last=IN_FLIGHT - 1), environment)
        before = process.cpu_times()
        time.sleep(SUPERVISOR_WATCHED_S)
        after = process.cpu_times()
        assert len(process.children()) >= IN_FLIGHT  # none has ended early
        used_s = after.user + after.system - before.user - before.system
        return used_s / SUPERVISOR_WATCHED_S, process.memory_info().rss


@contextmanager
def installation(settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a fresh var directory."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "SIMCRATE_VAR": str(Path(directory) / "var"), **settings}
        portal(SETUP + "print([])", environment)
        yield environment


@contextmanager
def worker(environment: Mapping[str, str], *, runs: int = 2) -> Iterator[psutil.Process]:
    """A worker that does that many runs at a time."""
    command = [sys.executable, "-m", "simcrate", "worker", "--runs", str(runs)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def portal(script: str, environment: Mapping[str, str]) -> list[float]:
    """The figures that a script inside the portal prints last."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    figures: list[float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _start_row(engine: str, limit_s: float, median_s: float) -> Row:
    return Row(
        claim=f"submission to simulator start, {engine}",
        ours=f"{1000 * median_s:.0f} ms",
        peer=f"promised {1000 * limit_s:.0f} ms",
        ratio=limit_s / median_s,
        target=1.0,
    )


def _busy_row(engine: str, busy: float, run_s: float) -> Row:
    return Row(
        claim=f"two cores busy with {BUSY_RUNS} runs of {run_s:.1f} s, {engine}",
        ours=f"{100 * busy:.0f} %",
        peer=f"promised {100 * BUSY_LIMIT:.0f} %",
        ratio=busy / BUSY_LIMIT,
        target=1.0,
    )


def _flight_rows(cores: float, memory_bytes: float) -> list[Row]:
    return [
        Row(
            claim=f"the supervisor's share of a core, {IN_FLIGHT} runs in flight",
            ours=f"{100 * cores:.1f} %",
            peer=f"promised {100 * SUPERVISOR_LIMIT:.0f} %",
            ratio=SUPERVISOR_LIMIT / cores,
            target=1.0,
        ),
        Row(
            claim="its memory",
            ours=f"{memory_bytes / 1e6:.0f} MB",
            peer=f"promised {SUPERVISOR_LIMIT_BYTES / 1e6:.0f} MB",
            ratio=SUPERVISOR_LIMIT_BYTES / memory_bytes,
            target=1.0,
        ),
    ]


def _claim_row(empty_s: float, full_s: float) -> Row:
    return Row(
        claim=f"a claim beside {FINISHED:,} finished simulations",
        ours=f"{1000 * full_s:.1f} ms",
        peer=f"beside none {1000 * empty_s:.1f} ms",
        ratio=empty_s / full_s,
        target=CLAIM_PEER_RATIO,
    )
