"""A run of the real worker that is caught in the middle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.acceptance.conftest import Installation

T = TypeVar("T")

CONFIG = "Midway"
PATIENCE_S = 60.0
INI = f"""
[General]
network = OppNet
sim-time-limit = 2000s
OppNet.numNodes = 20
OppNet.messageInterval = 5s
[Config {CONFIG}]
"""


@dataclass(frozen=True)
class Midway:
    """One simulation of one run; how many crates and mails there were before."""

    installation: Installation
    simulation_id: str
    stored_before: int
    mails_before: int

    @contextmanager
    def caught_simulator(self) -> Iterator[psutil.Process]:
        """The simulator, stopped in mid-run, and its worker quiet."""
        simulator = wait_for(self._simulator)
        simulator.suspend()
        try:
            wait_for(self._shown)
            yield simulator
        finally:
            with suppress(psutil.NoSuchProcess):
                simulator.resume()

    def _simulator(self) -> psutil.Process | None:
        run_dir = self.installation.var_dir / "work" / self.simulation_id / "runs" / "0"
        try:
            identities = json.loads((run_dir / "process.json").read_text())
            is_midway = "Running simulation" in (run_dir / "simulator.log").read_text()
        except (OSError, ValueError):
            return None
        return psutil.Process(identities["program"]["pid"]) if is_midway else None

    def _shown(self) -> bool | None:
        """Whether its row shows what it has printed: then only time makes its worker beat."""
        sql = "select 1 from simulations_run where simulation_id = ? and log_lines > 0"
        return bool(self.installation.query(sql, self._key)) or None

    @property
    def _key(self) -> str:
        return self.simulation_id.replace("-", "")

    def run(self) -> tuple[Any, ...]:
        """State, fence and reason of its run."""
        sql = "select state, fence, reason from simulations_run where simulation_id = ?"
        ((state, fence, reason),) = self.installation.query(sql, self._key)
        return state, fence, reason

    def crates(self) -> int:
        """How many it has brought."""
        return len(self.installation.stored()) - self.stored_before

    def mails(self) -> int:
        """How many it has brought."""
        return len(self.installation.mails()) - self.mails_before

    def strays(self) -> list[psutil.Process]:
        """Processes that still work in its directories."""
        place = self.installation.var_dir / "work" / self.simulation_id
        return [
            process
            for process in psutil.process_iter(["cwd"])
            if process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(place)
        ]


def submit(installation: Installation, tmp_path: Path) -> Midway:
    """Before there is a worker: what it begins with can be caught."""
    stored, mails = installation.stored(), installation.mails()
    path = tmp_path / "omnetpp.ini"
    path.write_text(INI)
    done = installation.simcrate(
        *("submit", str(path), "--config", CONFIG, "--storage", "local", "--precision", "100"),
        *("--user", "alice", "--mail", "alice@example.org"),
    )
    assert done.returncode == 0, done.stderr
    return Midway(installation, done.stdout.split()[-1], len(stored), len(mails))


def wait_for(look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it does."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
