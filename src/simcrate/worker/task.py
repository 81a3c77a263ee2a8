"""One claim that is worked on: its thread, and the lease that is kept for it meanwhile."""

from __future__ import annotations

import logging
import time
from threading import Event, Thread

from simcrate.errors import LeaseLostError
from simcrate.pipeline.watch import Watch
from simcrate.worker.port import Claim, WorkerPort, WorkKind
from simcrate.worker.tasks import Bench, perform

log = logging.getLogger(__name__)

BEAT_S = 10.0  # a lease lasts 60 s
SHOW_S = 0.5  # progress is written at most this often


class Task:
    """Works in a thread of its own from the moment it is made."""

    def __init__(self, bench: Bench, claim: Claim, ended: Event | None = None) -> None:
        """`ended` is set when it has ended."""
        self.claim = claim
        self._bench = bench
        self._ended = ended or Event()
        self._port: WorkerPort = bench.port
        self._watch = Watch()
        self._beat_at = time.monotonic()
        self._thread = Thread(target=self._work, name=f"{claim.kind}-{claim.id}")
        self._is_alive = True
        log.info("task.started", extra={"kind": claim.kind, "claim": claim.id})
        self._thread.start()

    def _work(self) -> None:
        try:
            perform(self._bench, self.claim, self._watch)
        finally:
            self._is_alive = False
            self._ended.set()

    @property
    def is_alive(self) -> bool:
        """Whether it is still worked on."""
        return self._is_alive

    def wait(self, timeout_s: float) -> None:
        """Until it has ended, or that long."""
        self._thread.join(timeout_s)

    def keep_lease(self, *, at_once: bool) -> None:
        """Beat when it is due, when there is news, and `at_once` when somebody woke us: it may be a cancel.

        Raises:
            PortError: the rows cannot be reached; the next call tries again.
        """
        now = time.monotonic()
        since_s = now - self._beat_at
        progress = self._watch.take() if since_s >= SHOW_S else None
        if progress is None and since_s < BEAT_S and not at_once:
            return
        self._beat_at = now
        try:
            ends_as = self._port.beat(self.claim, progress)
        except LeaseLostError:
            # the task may just have ended its own claim; then there is nothing to stop
            self._watch.abandon()
            return
        if ends_as and self.claim.kind is WorkKind.RUN:
            self._watch.end(ends_as)

    def let_go(self) -> None:
        """End at once; somebody else will do it again."""
        self._watch.abandon()
