"""A machine: a var directory, its `simcrate worker`, and whoever works on its runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STOP_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProcesses:
    """The processes of one run."""

    number: int
    rq_worker: psutil.Process
    simulator: psutil.Process


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine, and what its `SIMCRATE_*` say."""

    var_dir: Path
    settings: Mapping[str, str]
    prefix: tuple[str, ...] = field(default=(), kw_only=True)
    """A command that runs the worker's command."""

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SIMCRATE_VAR": str(self.var_dir), **self.settings}

    @property
    def name(self) -> str:
        """As rows have it; made when its first worker starts."""
        return (self.var_dir / "machine").read_text()

    @property
    def log(self) -> str:
        """What its workers have said."""
        return (self.var_dir / "worker.log").read_text()

    def take_field_keys_of(self, other: Machine) -> None:
        """What an administrator copies to every machine that delivers."""
        secrets_dir = self.var_dir / "secrets"
        secrets_dir.mkdir(parents=True, mode=0o700)
        shutil.copy(other.var_dir / "secrets" / "field-keys", secrets_dir)

    @contextmanager
    def worker(self, *, runs: int = 1) -> Iterator[psutil.Process]:
        """`simcrate worker`: the keeper, and the end of everything that it started."""
        self.var_dir.mkdir(parents=True, exist_ok=True)
        with (self.var_dir / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "simcrate", "worker", "--runs", str(runs)],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        keeper = psutil.Process(process.pid)
        try:
            yield keeper
        finally:
            with suppress(psutil.NoSuchProcess):
                keeper.resume()
            process.terminate()
            process.wait(timeout=STOP_WITHIN_S)

    def midway(self, simulation_id: str, number: int | None = None) -> RunProcesses | None:
        """Those of a run here, that one or any of the simulation, while its simulator is there."""
        runs_dir = self.var_dir / "work" / simulation_id / "runs"
        run = "*" if number is None else str(number)
        found = map(_midway, runs_dir.glob(f"{run}/process.json"))
        return next(filter(None, found), None)


def _midway(path: Path) -> RunProcesses | None:
    try:
        identities = json.loads(path.read_text())
        return RunProcesses(
            number=int(path.parent.name),
            rq_worker=psutil.Process(identities["parent"]["pid"]),
            simulator=psutil.Process(identities["program"]["pid"]),
        )
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
