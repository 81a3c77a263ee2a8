"""The queue engine on Redis: one `rq` worker process for each core, which does one message after another.

RQ only wakes.  Its workers take no retry, no timeout and no result to heart: how a run ended, and whether
it is tried again, is in the rows (docs/decisions/0001).  Queues are named after simulators, so that a
machine is only brought what it can run.

What happens when something is killed:

an rq worker    the keeper ends its simulator, frees its run and starts another worker
the keeper      the kernel ends the rq workers, which let go of their runs

RQ's usual worker forks once for each message.  Runs are processes of their own here, so a fork would guard
nothing more, and what it costs (a database connection, what is known of simulators) is a tenth of a short run.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from threading import Event
from types import FrameType

import psutil
import redis
from rq import Queue, SimpleWorker
from rq.job import Job

from simcrate.worker.parenthood import end_with_parent

log = logging.getLogger(__name__)

SUPERVISE = "simcrate.cli.rqworker.supervise"
"""What a message calls, with the id of a run."""

STOP_WAIT_S = 25.0
RESTART_S = 2.0
ASK_AGAIN_S = 1.0
BUSY_EVERY_S = 1.0
SOCKET_TIMEOUT_S = 30.0
AWAY = (redis.ConnectionError, redis.TimeoutError)
PROBE = "simcrate:takes-writes"


def queue_name(simulator: str) -> str:
    """The queue of a simulator's runs."""
    return f"simcrate-runs-{simulator}"


def check_takes_writes(connection: redis.Redis) -> None:
    """PING is answered also by a server that is full, or a replica.

    Raises:
        redis.RedisError: it does not answer, or refuses to write.
    """
    connection.set(PROBE, "", ex=60)


def serve_messages(simulators: Collection[str], redis_url: str, stop: Event) -> None:
    """Be one `rq` worker, until SIGINT, which finishes the run first, or SIGTERM, which sets `stop`.

    Whoever does a run ends the process once `stop` is set and the run is free for others.
    """
    connection = redis.Redis.from_url(redis_url, socket_connect_timeout=SOCKET_TIMEOUT_S)
    _wait_for(connection)
    worker = RunWorker(
        [queue_name(simulator) for simulator in simulators],
        connection=connection,
        serializer="json",
        log_job_description=False,
    )
    worker.log.addFilter(_says_more_than_that_redis_is_away)
    worker.let_go = stop
    with suppress(*AWAY):  # the keeper starts another one, which waits
        worker.work(logging_level="WARNING")


def _wait_for(connection: redis.Redis) -> None:
    """Until Redis takes writes; the keeper says that it does not."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    while True:
        try:
            check_takes_writes(connection)
        except redis.RedisError:
            time.sleep(ASK_AGAIN_S)
        else:
            return


def _says_more_than_that_redis_is_away(_: logging.LogRecord) -> bool:
    """The keeper says once that Redis is away, and once that it is back; RQ would at each of its tries."""
    return not isinstance(sys.exc_info()[1], AWAY)


class RunWorker(SimpleWorker):
    """RQ's worker, but what ends it needs no Redis: that may be away, and RQ's own farewell would wait."""

    let_go = Event()
    _has_run = False

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGINT, self._finish)
        signal.signal(signal.SIGTERM, self._let_go)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Do the run that the message names."""
        self._has_run = True
        try:
            super().execute_job(job, queue)
        finally:
            self._has_run = False
            if self.let_go.is_set():  # it was told so when the run had just ended
                os._exit(0)

    def _finish(self, _signum: int, _frame: FrameType | None) -> None:
        if not self._has_run:
            os._exit(0)
        self._stop_requested = True

    def _let_go(self, _signum: int, _frame: FrameType | None) -> None:
        if not self._has_run:
            os._exit(0)
        self.let_go.set()


class RqEngine:
    """Keeps the `rq` workers of this machine running; see `simcrate.worker.engine.Engine`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._simulators: tuple[str, ...] = ()
        self._workers: list[subprocess.Popen[bytes]] = []
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._start_at = 0.0
        self._simulating = 0
        self._simulating_at = 0.0

    def look(self, simulators: Collection[str], *, is_draining: bool) -> bool:
        """Start what is missing, end what is not wanted; true when a worker has died."""
        if is_draining or tuple(simulators) != self._simulators:
            self._retire()
            self._simulators = tuple(simulators)
        before = [*self._workers, *self._leaving]
        self._workers = self._alive(self._workers)
        if len(self._workers) + len(self._leaving) < len(
            before
        ):  # what ended it may end the next one
            self._start_at = time.monotonic() + RESTART_S
        self._leaving = self._alive(self._leaving)
        if not is_draining and self._simulators and time.monotonic() >= self._start_at:
            while len(self._workers) + len(self._leaving) < self._count:
                self._workers.append(self._started())
        return any(process.returncode for process in before)

    @property
    def busy(self) -> int:
        """How many runs it has under way, as of a second ago.

        Whoever is told to leave and has no run is gone at once: those that are left are busy, also after
        their simulator has ended.
        """
        now = time.monotonic()
        if now >= self._simulating_at:
            self._simulating = sum(map(_has_child, self._workers))
            self._simulating_at = now + BUSY_EVERY_S
        return self._simulating + len(self._leaving)

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
                log.error("rq_worker.ended", extra={"exit_code": process.returncode})
        return alive

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "simcrate.cli.rqworker", *self._simulators],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C reaches the keeper alone
            preexec_fn=end_with_parent,  # noqa: PLW1509 - started from the main thread only
        )


def _has_child(process: subprocess.Popen[bytes]) -> bool:
    try:
        return bool(psutil.Process(process.pid).children())
    except psutil.NoSuchProcess:
        return False
