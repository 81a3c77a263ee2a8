"""Several programs as one: start them together, wait until all are ready, keep them, stop them.

Each is ready when it prints its ready line.  What it prints goes to a log file of its own.  A program that
ends is started again, at growing intervals, unless it was drained; when this process dies, the kernel ends them with it.
"""

from __future__ import annotations

import logging
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from simcrate.bare import bare_environment
from simcrate.errors import SimCrateError
from simcrate.worker.parenthood import end_with_parent

log = logging.getLogger(__name__)

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
CHECK_S = 0.2
FIRST_RESTART_S = 1.0
LONGEST_RESTART_S = 60.0
STEADY_AFTER_S = 60.0  # what ran this long starts again at once when it ends
TAIL_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program to keep running."""

    name: str
    command: Sequence[str]
    ready_line: str
    """What it prints, at the start of a line, when it can be used."""
    can_be_drained: bool = False
    """Whether it ends with exit code 0 when somebody has drained it, and then stays ended."""
    reads_settings: bool = True
    """Whether it takes its settings from the environment; what does not is given none of them."""


class Programs:
    """A set of programs that run together."""

    def __init__(
        self, programs: Sequence[Program], *, log_dir: Path, environment: Mapping[str, str]
    ) -> None:
        self._log_dir = log_dir
        self._environment = environment
        self._kept = [_Kept(program) for program in programs]

    def start(self) -> None:
        """Start all and wait until each is ready.

        Raises:
            SimCrateError: one of them ended or did not get ready; all are stopped.
        """
        self._log_dir.mkdir(parents=True, exist_ok=True)
        for kept in self._kept:
            kept.start(self._log_dir, self._environment)
        try:
            deadline = time.monotonic() + READY_TIMEOUT_S
            for kept in self._kept:
                kept.wait_until_ready(deadline)
        except SimCrateError:
            self.stop()
            raise

    def keep(self, stop: Event) -> None:
        """Start what ends again, until `stop` is set."""
        while not stop.wait(CHECK_S):
            self.look()

    def look(self) -> None:
        """Start again what has ended and is due."""
        for kept in self._kept:
            if kept.is_due_again():
                kept.start(self._log_dir, self._environment)

    def stop(self) -> None:
        """End all: SIGTERM, then SIGKILL to what takes too long."""
        for kept in self._kept:
            kept.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for kept in self._kept:
            kept.wait(deadline)


class _Kept:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._process: subprocess.Popen[str] | None = None
        self._ready = Event()
        self._last_lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._restart_s = FIRST_RESTART_S

    def start(self, log_dir: Path, environment: Mapping[str, str]) -> None:
        self._started_at = time.monotonic()
        self._restart_at = None
        self._process = subprocess.Popen(
            self._program.command,
            env=dict(environment)
            if self._program.reads_settings
            else bare_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # a terminal's Ctrl-C reaches this process alone, which stops the others in order
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - started from the main thread only
        )
        log_path = log_dir / f"{self._program.name}.log"
        Thread(target=self._follow, args=(self._process, log_path), daemon=True).start()

    def _follow(self, process: subprocess.Popen[str], log_path: Path) -> None:
        assert process.stdout is not None
        with process.stdout, log_path.open("a", buffering=1) as log_file:
            for line in process.stdout:
                log_file.write(line)
                self._last_lines.append(line.rstrip())
                if line.startswith(self._program.ready_line):
                    self._ready.set()

    def wait_until_ready(self, deadline: float) -> None:
        assert self._process is not None
        while not self._ready.wait(CHECK_S):
            if self._process.poll() is not None:
                raise self._failure(f"it ended with exit code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"it was not ready within {READY_TIMEOUT_S:.0f} s")

    def _failure(self, why: str) -> SimCrateError:
        said = " / ".join(self._last_lines) or "nothing"
        return SimCrateError(f"could not start {self._program.name}: {why}; it said: {said}")

    def is_due_again(self) -> bool:
        assert self._process is not None
        exit_code = self._process.poll()
        if exit_code is None or (exit_code == 0 and self._program.can_be_drained):
            return False
        now = time.monotonic()
        if self._restart_at is None:
            if now - self._started_at > STEADY_AFTER_S:
                self._restart_s = FIRST_RESTART_S
            self._restart_at = now + self._restart_s
            self._restart_s = min(2 * self._restart_s, LONGEST_RESTART_S)
            log.error(
                "program.ended",
                extra={"program": self._program.name, "exit_code": exit_code},
            )
        return now >= self._restart_at

    def terminate(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
