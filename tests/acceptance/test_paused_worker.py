"""A worker that is paused until its lease has run out, and comes back while its successor is in mid-run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil

from tests.acceptance.conftest import Installation, wait_until_announced
from tests.acceptance.midway import Midway, submit, wait_for


def test_a_paused_worker_that_comes_back_takes_nothing_from_its_successor(
    installation: Installation, tmp_path: Path
) -> None:
    midway = submit(installation, tmp_path)
    with installation.worker() as process, midway.caught_simulator() as first:
        paused = psutil.Process(process.pid)
        paused.suspend()
        let_the_lease_run_out(installation, midway)
        with installation.worker():
            wait_for(lambda: first.status() == psutil.STATUS_ZOMBIE or None)
            with midway.caught_simulator() as second:
                paused.resume()
                first.wait()
                assert identified(installation, midway) == second.pid
            simulation = wait_until_announced(installation, midway.simulation_id)

    assert simulation["state"] == "delivered"
    assert midway.run()[:2] == ("completed", 2)
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])


def let_the_lease_run_out(installation: Installation, midway: Midway) -> None:
    """Nobody waits for a minute in a test."""
    key = midway.simulation_id.replace("-", "")
    with closing(sqlite3.connect(installation.var_dir / "db.sqlite3")) as rows, rows:
        sql = (
            "update simulations_run set lease_until = '2000-01-01 00:00:00' where simulation_id = ?"
        )
        rows.execute(sql, [key])


def identified(installation: Installation, midway: Midway) -> int:
    """The process that the next worker would end, should this one be killed."""
    run_dir = installation.var_dir / "work" / midway.simulation_id / "runs" / "0"
    return int(json.loads((run_dir / "process.json").read_text())["program"]["pid"])
