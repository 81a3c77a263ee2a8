"""The supervisor: claims work, does it in threads, keeps its leases, hears cancels.

One loop owns all claims.  It wakes when the portal touches the wake file, and otherwise looks for
itself every few seconds.  Each task runs in a thread of its own; the simulators are processes.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Thread

from simcrate.errors import LeaseLostError, PortError
from simcrate.pipeline.watch import Watch
from simcrate.simulators import kill_leftover
from simcrate.worker.facts import gather_facts
from simcrate.worker.identity import is_alive
from simcrate.worker.port import Claim, WorkerPort, WorkKind
from simcrate.worker.tasks import Bench, perform
from simcrate.worker.wakefile import WakeFile

log = logging.getLogger(__name__)

TICK_S = 0.1
LOOK_S = 3.0  # without a wake-up, work is looked for this often
BEAT_S = 10.0  # a lease lasts 60 s
SHOW_S = 0.5  # progress is written at most this often
RECOVER_S = 15.0
STOP_WAIT_S = 20.0


def default_slots(runs: int | None = None) -> dict[WorkKind, int]:
    """One run per core unless told otherwise; packing uses every core; uploads wait on networks."""
    return {WorkKind.RUN: runs or os.cpu_count() or 1, WorkKind.FINISH: 1, WorkKind.DELIVERY: 4}


@dataclass(slots=True)
class _Task:
    claim: Claim
    thread: Thread
    watch: Watch
    beat_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """One worker process."""

    def __init__(self, bench: Bench, slots: dict[WorkKind, int] | None = None) -> None:
        self._bench = bench
        self._port: WorkerPort = bench.port
        self._slots = slots or default_slots()
        self._tasks: list[_Task] = []
        self._wake = WakeFile(bench.var_dir, look_s=LOOK_S)
        self._recover_at = 0.0
        self._show_at = 0.0
        self._is_draining = False

    def run(self, stop: Event) -> None:
        """Work until `stop` is set, or until drained; then let go of everything."""
        while not (stop.wait(TICK_S) or self._is_drained):
            try:
                self._tick()
            except PortError as error:
                log.warning("port.unreachable", extra={"code": error.code})
        self._let_go()

    @property
    def _is_drained(self) -> bool:
        return self._is_draining and not self._tasks

    def _tick(self) -> None:
        now = time.monotonic()
        ended = self._drop_ended()
        woken = self._wake.is_due(now)
        self._keep_leases(now, at_once=woken)
        if woken or now >= self._show_at:
            self._show(now)
        if now >= self._recover_at:
            self._end_leftovers()  # first: what is freed must not still be running
            self._port.recover(is_alive)
            self._recover_at = now + RECOVER_S
            woken = True
        if woken or ended:
            self._claim_all()

    def _show(self, now: float) -> None:
        bench = self._bench
        facts = gather_facts(bench.var_dir, bench.sandbox_kind, bench.tags, tasks=len(self._tasks))
        self._is_draining = self._port.show(facts)
        self._show_at = now + BEAT_S

    def _claim_all(self) -> None:
        while kinds := self._free_kinds():
            claim = self._port.claim(kinds)
            if claim is None:
                return
            self._start(claim)

    def _free_kinds(self) -> list[WorkKind]:
        busy = Counter(task.claim.kind for task in self._tasks)
        wanted = [kind for kind in WorkKind if not (self._is_draining and kind is WorkKind.RUN)]
        return [kind for kind in wanted if busy[kind] < self._slots[kind]]

    def _start(self, claim: Claim) -> None:
        watch = Watch()
        thread = Thread(
            target=perform, args=(self._bench, claim, watch), name=f"{claim.kind}-{claim.id}"
        )
        self._tasks.append(_Task(claim, thread, watch))
        log.info("task.started", extra={"kind": claim.kind, "claim": claim.id})
        thread.start()

    def _drop_ended(self) -> bool:
        alive = [task for task in self._tasks if task.thread.is_alive()]
        ended = len(alive) < len(self._tasks)
        self._tasks = alive
        return ended

    def _keep_leases(self, now: float, *, at_once: bool) -> None:
        """Beat when it is due, when there is news, and when the portal woke us: it may be a cancel."""
        for task in self._tasks:
            since_s = now - task.beat_at
            progress = task.watch.take() if since_s >= SHOW_S else None
            if progress is None and since_s < BEAT_S and not at_once:
                continue
            task.beat_at = now
            try:
                ends_as = self._port.beat(task.claim, progress)
            except LeaseLostError:
                # the task may just have ended its own claim; then there is nothing to stop
                task.watch.abandon()
                continue
            if ends_as and task.claim.kind is WorkKind.RUN:
                task.watch.end(ends_as)

    def _let_go(self) -> None:
        for task in self._tasks:
            task.watch.abandon()
        end = time.monotonic() + STOP_WAIT_S
        for task in self._tasks:
            task.thread.join(max(0.0, end - time.monotonic()))

    def _end_leftovers(self) -> None:
        """Simulators that a worker left when it was killed."""
        for run_dir in self._bench.var_dir.glob("work/*/runs/*"):
            if kill_leftover(run_dir):
                log.warning("simulator.left_over", extra={"run_dir": str(run_dir)})
