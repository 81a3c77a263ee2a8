"""A run over its limit ends while the database takes no writes; what it recorded is delivered, with the reason."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import Installation, wait_until_announced
from tests.acceptance.midway import wait_for

pytestmark = pytest.mark.services  # bubblewrap

DEFINITION = """
[[simulators]]
name = "filler"
title = "Writes when it is told to"
kind = "command"
command = ["sh", "{ini}", "{results}"]
"""
SCRIPT = """
trap 'exit 0' TERM
printf 'time,value\\n0,1\\n' > "$1/early.csv"
echo ready
while [ ! -e go ]; do sleep 0.05; done
head -c 3000000 /dev/zero > "$1/late.bin"
while :; do sleep 0.05; done
"""
LIMIT = """
from django.contrib.auth.models import Group
from simcrate.portal.accounts.models import User
from simcrate.portal.limits.models import GroupLimits
group = Group.objects.create(name="narrow")
GroupLimits.objects.create(group=group, disk_mib=2)
group.user_set.add(User.objects.get(username="alice"))
"""
NO_LIMIT = """
from django.contrib.auth.models import Group
Group.objects.filter(name="narrow").delete()
"""


@pytest.fixture
def limited(installation: Installation) -> Iterator[Installation]:
    """Alice may write 2 MiB a run."""
    path = installation.var_dir / "filler.toml"
    path.write_text(DEFINITION)
    done = installation.simcrate("simulator", "import", str(path))
    assert done.returncode == 0, done.stderr
    installation.python(LIMIT)
    yield installation
    installation.python(NO_LIMIT)


@contextmanager
def database_taken(installation: Installation) -> Iterator[None]:
    """Nobody else writes meanwhile."""
    path = installation.var_dir / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")


def test_a_limit_holds_while_the_database_is_away_and_what_was_recorded_is_delivered(
    limited: Installation, tmp_path: Path
) -> None:
    script = tmp_path / "fill.sh"
    script.write_text(SCRIPT)
    with limited.worker():
        wait_for(
            lambda: limited.query("select 1 from workers_worker where sandbox_note = ''") or None
        )
        done = limited.simcrate(
            *("submit", str(script), "--simulator", "filler", "--config", "", "--runs", "0"),
            *("--storage", "local", "--user", "alice", "--mail", "alice@example.org"),
        )
        assert done.returncode == 0, done.stderr
        simulation_id = done.stdout.split()[-1]
        run_dir = limited.var_dir / "work" / simulation_id / "runs" / "0"
        log = run_dir / "simulator.log"
        wait_for(lambda: (log.exists() and "ready" in log.read_text()) or None)
        with database_taken(limited):
            (run_dir / "work" / "go").touch()
            wait_for(lambda: None if (run_dir / "process.json").exists() else True)
        simulation = wait_until_announced(limited, simulation_id)

    crate = zipfile.ZipFile(io.BytesIO(httpx.get(simulation["link"]).content))
    (run,) = json.loads(crate.read("run.json"))["runs"]
    assert (run["state"], run["reason"]) == ("limited", "The disk limit of 2 MiB was reached.")
    assert crate.read("results/run-0/early.csv") == b"time,value\n0,1\n"
    assert simulation["sentence"] == "The crate is ready (1 limited)."
    assert "The disk limit of 2 MiB was reached." in limited.mails()[-1].read_text()
