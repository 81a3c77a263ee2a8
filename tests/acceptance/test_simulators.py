"""An OMNeT++ binary, and any other program, need nothing but a definition."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import Installation, wait_until_announced

pytestmark = pytest.mark.services  # bubblewrap

RECORDED = Path(__file__).parents[1] / "data" / "recorded-runs"
CONFIGS = ("Tictoc16", "CpuLimit", "RuntimeError", "Mismatch", "Segfault")

DEFINITIONS = f"""
[[simulators]]
name = "recorded"
title = "A recorded OMNeT++ binary"
version = "6.1"
command = ["{RECORDED}/recorded-simulator"]
readable = ["{RECORDED}"]

[[simulators]]
name = "counter"
title = "A program that counts"
kind = "command"
command = ["sh", "{{ini}}", "{{config}}", "{{run}}", "{{results}}"]
progress = '(?P<percent>\\d+) %'
result_dir = "out/tables"
"""

SCRIPT = """
i=0
while [ $i -lt 3 ]; do i=$((i+1)); echo "$((i*33)) % of $1"; done
printf 'time,value\\n0,1\\n10,2\\n' > "$3/run-$2.csv"
"""


@pytest.fixture(scope="session")
def with_simulators(installation: Installation) -> Installation:
    path = installation.var_dir / "simulators.toml"
    path.write_text(DEFINITIONS)
    done = installation.simcrate("simulator", "import", str(path))
    assert done.returncode == 0, done.stderr
    return installation


def wait_until_a_worker_is_seen(installation: Installation) -> None:
    """Who has just started shows itself before it takes anything."""
    deadline = time.monotonic() + 30
    while not installation.query("select 1 from workers_worker where sandbox_note = ''"):
        assert time.monotonic() < deadline, "no worker has shown itself"
        time.sleep(0.05)


def run_and_open(
    installation: Installation, ini: Path, *options: str
) -> tuple[dict[str, Any], zipfile.ZipFile]:
    with installation.worker():
        wait_until_a_worker_is_seen(installation)
        done = installation.simcrate(
            *("submit", str(ini), "--storage", "local", "--user", "alice", *options)
        )
        assert done.returncode == 0, done.stderr
        simulation = wait_until_announced(installation, done.stdout.split()[-1])
    content = httpx.get(simulation["link"]).raise_for_status().content
    return simulation, zipfile.ZipFile(io.BytesIO(content))


@pytest.mark.parametrize(
    ("config", "state", "reason"),
    [
        ("Tictoc16", "completed", "Simulation time limit reached"),
        ("CpuLimit", "limited", "CPU time limit reached"),
        ("RuntimeError", "failed", "Cannot schedule message"),
        ("Mismatch", "failed", "Fingerprint mismatch"),
        ("Segfault", "failed", "killed by SIGSEGV"),
    ],
)
def test_a_recorded_run_ends_as_it_really_ended_and_is_delivered(
    with_simulators: Installation, tmp_path: Path, config: str, state: str, reason: str
) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text(f"[Config {config}]\nnetwork = Net\n")
    _, crate = run_and_open(with_simulators, ini, "--simulator", "recorded", "--config", config)

    (run,) = json.loads(crate.read("run.json"))["runs"]
    assert run["state"] == state
    assert reason in run["reason"]
    recorded = {path.name for path in (RECORDED / config).glob("*.vec")}
    assert recorded <= {Path(name).name for name in crate.namelist()}
    assert "logs/run-0.log" in crate.namelist()


def test_any_program_is_a_simulator(with_simulators: Installation, tmp_path: Path) -> None:
    settings = tmp_path / "settings.txt"
    settings.write_text(SCRIPT)
    simulation, crate = run_and_open(
        with_simulators, settings, *("--simulator", "counter", "--config", "A", "--runs", "0..1")
    )

    assert simulation["state"] == "delivered"
    assert crate.read("results/run-1/run-1.csv") == b"time,value\n0,1\n10,2\n"
    assert b"99 % of A" in crate.read("logs/run-0.log")


def test_check_proves_a_simulator_step_by_step(
    with_simulators: Installation, tmp_path: Path
) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text("[Config Tictoc16]\nnetwork = Net\n")
    done = with_simulators.simcrate(
        "simulator", "check", "recorded", "--ini", str(ini), "-c", "Tictoc16"
    )

    assert done.returncode == 0, done.stdout
    assert "options: knows 4 of the 15" in done.stdout
    assert "cmdenv-express-mode, cmdenv-interactive, debugger-attach-on-startup" in done.stdout
    assert "runs: 1 runs of 1 configs, as SimCrate reads them" in done.stdout
    assert "run: 3 result files" in done.stdout


def test_an_ini_for_another_simulator_is_held_to_the_same_allow_list(
    with_simulators: Installation, tmp_path: Path
) -> None:
    ini = tmp_path / "omnetpp.ini"
    ini.write_text("[Config Tictoc16]\nload-libs = /tmp/evil\n")
    done = with_simulators.simcrate(
        *("submit", str(ini), "--storage", "local", "--user", "alice"),
        *("--simulator", "recorded", "--config", "Tictoc16"),
    )

    assert done.returncode == 2
    assert "load-libs" in done.stderr


def test_check_of_the_built_in_simulator_runs_a_tiny_simulation(
    installation: Installation,
) -> None:
    done = installation.simcrate("simulator", "check", "oppsim")

    assert done.returncode == 0, done.stdout
    assert "options: knows" in done.stdout
    assert "run: 3 result files" in done.stdout


def test_check_stops_at_the_first_step_that_fails_and_says_what_is_not_there(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "gone.toml"
    path.write_text(
        '[[simulators]]\nname = "gone"\ntitle = "Gone"\ncommand = ["sh"]\nned_path = ["/opt/gone"]\n'
    )
    installation.simcrate("simulator", "import", str(path))
    done = installation.simcrate("simulator", "check", "gone")

    assert done.returncode == 1
    assert "paths: not there: /opt/gone" in done.stdout
    assert "sandbox" not in done.stdout
