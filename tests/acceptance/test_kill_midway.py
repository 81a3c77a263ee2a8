"""The worker, the simulator or both are killed in mid-run: one end, one crate, one mail, nothing left over."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import httpx
import psutil

from tests.acceptance.conftest import Installation, wait_until_announced
from tests.acceptance.midway import submit


def test_the_worker_killed_its_simulator_is_ended_and_the_run_done_again(
    installation: Installation, tmp_path: Path
) -> None:
    midway = submit(installation, tmp_path)
    with installation.worker() as doomed, midway.caught_simulator() as simulator:
        kill(doomed)
        assert midway.strays() == [simulator]
        assert midway.run()[:2] == ("running", 1)
        with installation.worker():
            simulation = wait_until_announced(installation, midway.simulation_id)

    assert simulation["state"] == "delivered"
    assert midway.run()[:2] == ("completed", 2)
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])


def test_the_simulator_killed_the_run_has_failed_and_its_crate_says_why(
    installation: Installation, tmp_path: Path
) -> None:
    midway = submit(installation, tmp_path)
    with installation.worker():
        with midway.caught_simulator() as simulator:
            simulator.kill()
        simulation = wait_until_announced(installation, midway.simulation_id)

    crate = zipfile.ZipFile(io.BytesIO(httpx.get(simulation["link"]).content))
    (run,) = json.loads(crate.read("run.json"))["runs"]
    assert midway.run() == ("failed", 1, "The simulator was killed by SIGKILL.")
    assert (run["state"], run["reason"]) == midway.run()[::2]
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])


def test_both_killed_at_once_the_run_is_done_again(
    installation: Installation, tmp_path: Path
) -> None:
    midway = submit(installation, tmp_path)
    with installation.worker() as doomed, midway.caught_simulator() as simulator:
        psutil.Process(doomed.pid).suspend()  # it must not see the other one die
        simulator.kill()
        kill(doomed)
    with installation.worker():
        simulation = wait_until_announced(installation, midway.simulation_id)

    assert simulation["state"] == "delivered"
    assert midway.run()[:2] == ("completed", 2)
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])


def test_cancelled_while_the_worker_is_dead_the_run_is_cancelled_and_not_done_again(
    installation: Installation, tmp_path: Path
) -> None:
    midway = submit(installation, tmp_path)
    with installation.worker() as doomed, midway.caught_simulator():
        kill(doomed)
        assert installation.simcrate("cancel", midway.simulation_id).returncode == 0
        with installation.worker():
            simulation = wait_until_announced(installation, midway.simulation_id)

    assert midway.run() == ("cancelled", 1, "Cancelled after its worker had died.")
    assert "It was cancelled; what was recorded is in the crate." in simulation["sentence"]
    assert (midway.crates(), midway.mails(), midway.strays()) == (1, 1, [])


def kill(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
