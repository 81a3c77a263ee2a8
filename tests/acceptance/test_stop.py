"""Stop at the moments that need a worker, with a real worker and the built-in simulator."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import httpx
import psutil

from tests.acceptance.conftest import Installation, wait_until_announced

ENDLESS = """
[General]
network = OppNet
sim-time-limit = 9000000s
OppNet.numNodes = 20
OppNet.messageInterval = 5s
[Config Endless]
repeat = 20
"""
SHORT = ENDLESS.replace("9000000s", "60s")
PATIENCE_S = 30.0


def submit(installation: Installation, tmp_path: Path, ini: str, runs: str = "") -> str:
    path = tmp_path / "omnetpp.ini"
    path.write_text(ini)
    done = installation.simcrate(
        *("submit", str(path), "--config", "Endless", "--storage", "local", "--user", "alice"),
        *("--precision", "1000", "--runs", runs),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def wait_until_events_are_counted(installation: Installation, simulation_id: str) -> None:
    sql = "select 1 from simulations_run where simulation_id = ? and event_count > 1000"
    deadline = time.monotonic() + PATIENCE_S
    while not installation.query(sql, simulation_id.replace("-", "")):
        assert time.monotonic() < deadline, (installation.var_dir / "worker.log").read_text()
        time.sleep(0.05)


def test_while_it_runs_what_was_recorded_is_kept_and_what_waits_is_not_begun(
    installation: Installation, tmp_path: Path
) -> None:
    with installation.worker():
        simulation_id = submit(installation, tmp_path, ENDLESS)
        wait_until_events_are_counted(installation, simulation_id)
        assert installation.simcrate("cancel", simulation_id, "--keep").returncode == 0
        simulation = wait_until_announced(installation, simulation_id)

    crate = zipfile.ZipFile(io.BytesIO(httpx.get(simulation["link"]).content))
    runs = json.loads(crate.read("run.json"))["runs"]
    begun = [run for run in runs if run["exit_code"] is not None]
    assert simulation["state"] == "delivered"
    assert "It was stopped; what was recorded is in the crate." in simulation["sentence"]
    assert {run["state"] for run in runs} == {"stopped"}
    assert 0 < len(begun) < len(runs) == 20
    assert any("SIGINT or SIGTERM received" in run["reason"] for run in begun)
    assert [name for name in crate.namelist() if name.endswith(".sca")]
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if "Endless" in (p.info["cmdline"] or ())
    ]


def test_when_the_runs_have_ended_it_says_that_nothing_is_left_to_stop(
    installation: Installation, tmp_path: Path
) -> None:
    with installation.worker("before:statistics") as process:
        simulation_id = submit(installation, tmp_path, SHORT, "0")
        process.wait(timeout=PATIENCE_S)
        packing = installation.simcrate("cancel", simulation_id, "--keep")
    with installation.worker("before:upload") as process:
        process.wait(timeout=PATIENCE_S)
        delivering = installation.simcrate("cancel", simulation_id, "--keep")
    with installation.worker():
        simulation = wait_until_announced(installation, simulation_id)

    assert packing.returncode == delivering.returncode == 2
    assert "its runs have ended and the crate is being packed" in packing.stderr
    assert "its runs have ended and the crate is packed" in delivering.stderr
    assert simulation["sentence"] == "The crate is ready."
