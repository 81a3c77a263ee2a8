"""The queue engine on Redis: one `rq` worker process for each core, which forks once for each message.

RQ only wakes.  Its workers take no retry, no timeout and no result to heart: how a run ended, and whether
it is tried again, is in the rows (docs/decisions/0001).  Queues are named after simulators, so that a
machine is only brought what it can run.

What happens when something is killed:

the forked process      its simulator is ended and its run freed by the keeper of the machine
the rq worker           the forked process goes on to the end of its run; the keeper starts another worker
the keeper              the kernel ends the rq workers, which let go of their runs
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from types import FrameType

import psutil
import redis
from rq import Worker

log = logging.getLogger(__name__)

SUPERVISE = "simcrate.cli.rqworker.supervise"
"""What a message calls, with the id of a run."""

STOP_WAIT_S = 25.0
RESTART_S = 2.0
BUSY_EVERY_S = 1.0
SOCKET_TIMEOUT_S = 30.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def queue_name(simulator: str) -> str:
    """The queue of a simulator's runs."""
    return f"simcrate-runs-{simulator}"


def serve_messages(simulators: Collection[str], redis_url: str) -> None:
    """Be one `rq` worker until SIGTERM, which lets go of the run, or SIGINT, which finishes it first."""
    connection = redis.Redis.from_url(redis_url, socket_connect_timeout=SOCKET_TIMEOUT_S)
    worker = RunWorker(
        [queue_name(simulator) for simulator in simulators],
        connection=connection,
        serializer="json",
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")


class RunWorker(Worker):
    """RQ's worker, but SIGTERM reaches the forked process, which then lets go of its run."""

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGINT, self.request_stop)
        signal.signal(signal.SIGTERM, self.let_go)

    def let_go(self, _signum: int, _frame: FrameType | None) -> None:
        """End once the run is free for others; RQ's own farewell would wait for a Redis that is away."""
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)
            self.wait_for_horse()
        os._exit(0)


class RqEngine:
    """Keeps the `rq` workers of this machine running; see `simcrate.worker.engine.Engine`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._simulators: tuple[str, ...] = ()
        self._workers: list[subprocess.Popen[bytes]] = []
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._start_at = 0.0
        self._busy = 0
        self._busy_at = 0.0

    def look(self, simulators: Collection[str], *, is_draining: bool) -> None:
        """Start what is missing, end what is not wanted."""
        if is_draining or tuple(simulators) != self._simulators:
            self._retire()
            self._simulators = tuple(simulators)
        self._workers = self._alive(self._workers)
        self._leaving = self._alive(self._leaving)
        if is_draining or not self._simulators or time.monotonic() < self._start_at:
            return
        while len(self._workers) + len(self._leaving) < self._count:
            self._workers.append(self._started())

    @property
    def busy(self) -> int:
        """How many runs it has under way, as of a second ago."""
        now = time.monotonic()
        if now >= self._busy_at:
            self._busy = sum(map(_has_child, [*self._workers, *self._leaving]))
            self._busy_at = now + BUSY_EVERY_S
        return self._busy

    def stop(self) -> None:
        """Let go of all runs."""
        for process in (*self._workers, *self._leaving):
            process.terminate()
        deadline = time.monotonic() + STOP_WAIT_S
        for process in (*self._workers, *self._leaving):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _retire(self) -> None:
        """Finish what is under way, take nothing more."""
        for process in self._workers:
            process.send_signal(signal.SIGINT)
        self._leaving += self._workers
        self._workers = []

    def _alive(self, processes: list[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
        alive = [process for process in processes if process.poll() is None]
        for process in processes:
            if process.returncode:
                self._start_at = time.monotonic() + RESTART_S
                log.error("rq-worker.ended", extra={"exit_code": process.returncode})
        return alive

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "simcrate.cli.rqworker", *self._simulators],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C reaches the keeper alone
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - started from the main thread only
        )


def _has_child(process: subprocess.Popen[bytes]) -> bool:
    try:
        return bool(psutil.Process(process.pid).children())
    except psutil.NoSuchProcess:
        return False


def _end_with_parent() -> None:
    """Linux: SIGTERM when the parent is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
