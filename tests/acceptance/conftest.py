"""A whole SimCrate in a directory of its own: rows, local-cloud, workers as processes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.localcloud import LocalCloud, local_cloud

TIMEOUT_S = 60.0
LOOK_S = 0.05

INI = """
[General]
network = OppNet
sim-time-limit = 60s
OppNet.messageInterval = 5s
[Config Short]
OppNet.numNodes = 5
repeat = 2
"""


@dataclass(frozen=True)
class Installation:
    """One var directory and the local-cloud that its storage backend `local` stands for."""

    var_dir: Path
    cloud: LocalCloud

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "SIMCRATE_VAR": str(self.var_dir)}

    def simcrate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a `simcrate` command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "simcrate", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def python(self, script: str) -> Any:  # noqa: ANN401 - JSON
        """Run a script inside the portal; its last line is JSON."""
        prelude = "from simcrate.cli.portal import start_portal; start_portal()\n"
        done = subprocess.run(
            [sys.executable, "-c", prelude + script],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    def submit(self, title: str) -> str:
        """Submit a short simulation of two runs; returns its id."""
        ini = self.var_dir / "omnetpp.ini"
        ini.write_text(INI)
        done = self.simcrate(
            *("submit", str(ini), "--config", "Short", "--storage", "local"),
            *("--title", title, "--user", "alice", "--mail", "alice@example.org"),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    @contextmanager
    def worker(
        self, point: str = "-", environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A worker that dies at `point`; ended at the end in any case."""
        script = Path(__file__).with_name("killable_worker.py")
        with (self.var_dir / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(script), point],
                env={**self.environment, **(environment or {})},
                stdout=log,
                stderr=log,
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(timeout=TIMEOUT_S)

    def query(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Read the database beside the portal."""
        database = f"file:{self.var_dir / 'db.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as connection:
            return connection.execute(sql, values).fetchall()

    def count_simulations(self) -> int:
        """All that were ever submitted."""
        ((count,),) = self.query("select count(*) from simulations_simulation")
        return int(count)

    def mails(self) -> list[Path]:
        """What was announced, oldest first."""
        return sorted(
            (self.var_dir / "outbox").glob("*.eml"), key=lambda path: path.stat().st_mtime
        )

    def stored(self) -> list[dict[str, Any]]:
        """What local-cloud holds."""
        with self.cloud.client() as client:
            answer = client.get("/objects")
            answer.raise_for_status()
            objects: list[dict[str, Any]] = answer.json()["objects"]
            return objects


SETUP = """
from simcrate.portal.accounts.models import User
from allauth.account.models import EmailAddress
from simcrate.portal.storages.services import create_or_update
from simcrate.storage import StorageDefinition
alice = User.objects.create_user("alice", "alice@example.org", "a password")
EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
create_or_update(StorageDefinition(name="Local storage", id="local", token={address!r},
    config={{"secret": {secret!r}}}, keep_days=7))
"""


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("installation")
    with local_cloud(directory / "cloud") as cloud:
        made = Installation(directory / "var", cloud)
        made.python(SETUP.format(address=cloud.address, secret=cloud.secret.reveal()))
        yield made


def wait_until_dead(process: subprocess.Popen[bytes]) -> None:
    """The worker has killed itself."""
    assert process.wait(timeout=TIMEOUT_S) == -signal.SIGKILL


def wait_until_announced(installation: Installation, simulation_id: str) -> dict[str, Any]:
    """The simulation as `simcrate status --json` has it, once its delivery is announced."""
    deadline = time.monotonic() + TIMEOUT_S
    key = simulation_id.replace("-", "")
    sql = "select spool_released_at from deliveries_delivery where simulation_id = ?"
    while time.monotonic() < deadline:
        released = installation.query(sql, key)
        if released and all(row[0] for row in released):
            done = installation.simcrate("status", simulation_id, "--json")
            assert done.returncode == 0, done.stderr
            (state,) = json.loads(done.stdout)
            return dict(state)
        time.sleep(LOOK_S)
    pytest.fail((installation.var_dir / "worker.log").read_text()[-4000:])
