"""The clock of the machine jumps by hours in mid-run: nothing that is alive is taken for dead.

The database is SQLite, so that its clock is that of the workers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import Installation, wait_until_announced
from tests.acceptance.midway import submit, wait_for
from tests.servers.clocks import WallClock

pytestmark = pytest.mark.services


@pytest.mark.parametrize("hours", [2, -2])
def test_when_the_clock_jumps_in_mid_run_the_run_ends_once(
    installation: Installation, tmp_path: Path, hours: int
) -> None:
    clock = WallClock(tmp_path)
    midway = submit(installation, tmp_path)
    with installation.worker(environment=clock.environment):
        with midway.caught_simulator():
            clock.set(hours=hours)
            with installation.worker(environment=clock.environment) as another:
                wait_until_it_has_looked(installation, another)
        simulation = wait_until_announced(installation, midway.simulation_id)

    assert simulation["state"] == "delivered"
    assert midway.run()[:2] == ("completed", 1)
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])


def wait_until_it_has_looked(installation: Installation, worker: subprocess.Popen[bytes]) -> None:
    """At what others hold: a worker does that right after it has shown itself, and before it does so again."""

    def seen_at() -> str | None:
        sql = "select seen_at from workers_worker where owner like ?"
        rows = installation.query(sql, f"%/{worker.pid}/%")
        return str(rows[0][0]) if rows else None

    first = wait_for(seen_at)
    wait_for(lambda: seen_at() != first or None)
