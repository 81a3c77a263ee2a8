"""One claim that is worked on: its thread, and what is said of it to the rows meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Event, Thread

from simcrate.pipeline.jobs import Progress, RunState
from simcrate.pipeline.watch import Watch
from simcrate.worker.joining import lines_about
from simcrate.worker.port import Claim, WorkerPort, WorkKind
from simcrate.worker.tasks import Bench, perform

log = logging.getLogger(__name__)

BEAT_S = 10.0  # a lease lasts 60 s
SHOW_S = 0.5  # progress is written at most this often,
SHOWN_PER_S = 5.0  # and, of all tasks together, this often: every write waits for the disk


class Task:
    """Works in a thread of its own from the moment it is made."""

    def __init__(self, bench: Bench, claim: Claim, ended: Event | None = None) -> None:
        """`ended` is set when it has ended."""
        self.claim = claim
        self._bench = bench
        self._ended = ended or Event()
        self._watch = Watch()
        self._beat_at = time.monotonic()
        name = f"{claim.kind}-{claim.id}"
        # a daemon: what hangs in a database or a server keeps no worker from its end; its lease expires
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._is_alive = True
        self._thread.start()

    def _work(self) -> None:
        claim = self.claim
        try:
            with lines_about(claim.kind, claim.id, claim.simulation_id, claim.run_number):
                self._perform()
        finally:
            self._is_alive = False
            self._ended.set()
            self._bench.port.leave()

    def _perform(self) -> None:
        started_at = time.monotonic()
        log.info("task.started")
        try:
            perform(self._bench, self.claim, self._watch)
        finally:
            elapsed_s = round(time.monotonic() - started_at, 3)
            log.info("task.ended", extra={"elapsed_s": elapsed_s})

    @property
    def is_alive(self) -> bool:
        """Whether it is still worked on."""
        return self._is_alive

    def wait(self, timeout_s: float) -> None:
        """Until it has ended, or that long."""
        self._thread.join(timeout_s)

    def news(self, now: float, *, show_s: float) -> tuple[bool, Progress | None]:
        """Whether it is to beat now, with what progress; that is shown at most every `show_s` seconds."""
        since_s = now - self._beat_at
        progress = self._watch.take() if since_s >= show_s else None
        is_due = progress is not None or since_s >= BEAT_S
        if is_due:
            self._beat_at = now
        return is_due, progress

    def end(self, ends_as: RunState) -> None:
        """Its owner wants it to end.  A finish and a delivery go on: what there is gets delivered."""
        if self.claim.kind is WorkKind.RUN:
            self._watch.end(ends_as)

    def let_go(self) -> None:
        """End at once; somebody else will do it again."""
        self._watch.abandon()


def keep_leases(port: WorkerPort, tasks: Sequence[Task]) -> None:
    """Beat for the tasks for which it is due or that have news, all in one write.

    Raises:
        PortError: the rows cannot be reached; a later call tries again.
    """
    now = time.monotonic()
    show_s = max(SHOW_S, len(tasks) / SHOWN_PER_S)
    beats = {}
    for task in tasks:
        is_due, progress = task.news(now, show_s=show_s)
        if is_due:
            beats[task.claim] = progress
    if not beats:
        return
    lost = port.beat(beats)
    for task in tasks:
        if task.claim in lost:
            # it may just have ended its own claim; then there is nothing to let go of
            task.let_go()


def hear_ends(port: WorkerPort, tasks: Sequence[Task]) -> None:
    """End the runs whose owner has asked for it.

    Raises:
        PortError: the rows cannot be reached; a later call tries again.
    """
    if not tasks:
        return
    ends = port.asked_ends({task.claim.simulation_id for task in tasks})
    for task in tasks:
        if ends_as := ends.get(task.claim.simulation_id):
            task.end(ends_as)
