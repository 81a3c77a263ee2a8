"""The supervisor: claims work, does it in threads, keeps its leases, hears cancels.

One loop owns all claims.  It wakes when the portal touches the wake file, and otherwise looks for
itself every few seconds.  Each task runs in a thread of its own; the simulators are processes.
With a queue engine the runs are the engine's, and everything else stays here.
While the disk is short of space no run is begun; packing and delivering go on, which make room.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from threading import Event

from simcrate.errors import PortError
from simcrate.simulators import kill_leftover
from simcrate.worker.engine import Engine
from simcrate.worker.facts import gather_facts, usable_cores
from simcrate.worker.identity import is_alive
from simcrate.worker.port import WorkerPort, WorkKind
from simcrate.worker.task import BEAT_S, Task, hear_ends, keep_leases
from simcrate.worker.tasks import Bench
from simcrate.worker.wakefile import WakeFile

log = logging.getLogger(__name__)

TICK_S = 0.1
LOOK_S = 5.0  # without a wake-up, work is looked for this often
RECOVER_S = 15.0
STOP_WAIT_S = 20.0


def default_slots(runs: int | None = None, *, only_runs: bool = False) -> dict[WorkKind, int]:
    """One run per core that may be used unless told otherwise; packing uses every core; uploads wait on networks."""
    slots = {WorkKind.RUN: runs or usable_cores()}
    return slots if only_runs else {**slots, WorkKind.FINISH: 1, WorkKind.DELIVERY: 4}


class Supervisor:
    """One worker process."""

    def __init__(
        self, bench: Bench, slots: Mapping[WorkKind, int], engine: Engine | None = None
    ) -> None:
        self._bench = bench
        self._port: WorkerPort = bench.port
        self._slots = slots
        self._engine = engine
        self._tasks: list[Task] = []
        self._ended = Event()
        self._wake = WakeFile(bench.var_dir, look_s=LOOK_S)
        self._recover_at = 0.0
        self._show_at = 0.0
        self._is_draining = False
        self._is_short_of_disk = False
        self._simulators: tuple[str, ...] = ()

    def run(self, stop: Event) -> None:
        """Work until `stop` is set, or until drained; then let go of everything."""
        while not (stop.is_set() or self._is_drained):
            self._ended.wait(TICK_S)
            try:
                self._tick()
            except PortError as error:
                log.warning("database.not_reached", extra=error.facts)
        self._let_go()

    @property
    def _is_drained(self) -> bool:
        return self._is_draining and not self._busy

    @property
    def _busy(self) -> int:
        """How many pieces of work this worker has."""
        return len(self._tasks) + (self._engine.busy if self._engine else 0)

    def _tick(self) -> None:
        now = time.monotonic()
        ended = self._drop_ended()
        woken = self._wake.is_due(now)
        keep_leases(self._port, self._tasks)
        if woken:
            hear_ends(self._port, self._tasks)
        if woken or now >= self._show_at:
            self._show(now)
        if now >= self._recover_at:
            self._end_leftovers()  # first: what is freed must not still be running
            self._port.recover(is_alive)
            self._recover_at = now + RECOVER_S
            woken = True
        if woken or ended:
            self._claim_all()
        if self._engine:
            simulators = () if self._is_short_of_disk else self._simulators
            if self._engine.look(simulators, is_draining=self._is_draining):
                self._recover_at = now
            if woken:
                self._port.remind()

    def _show(self, now: float) -> None:
        bench = self._bench
        facts = gather_facts(
            bench.var_dir,
            bench.sandbox_kind,
            bench.tags,
            tasks=self._busy,
            least_free_bytes=bench.least_free_bytes,
        )
        self._is_short_of_disk = facts.is_short_of_disk
        self._is_draining = self._port.show(facts)
        self._simulators = self._port.offered()
        self._show_at = now + BEAT_S

    def _claim_all(self) -> None:
        while kinds := self._free_kinds():
            claim = self._port.claim(kinds)
            if claim is None:
                return
            self._tasks.append(Task(self._bench, claim, self._ended))

    def _free_kinds(self) -> list[WorkKind]:
        busy = Counter(task.claim.kind for task in self._tasks)
        takes_runs = not (self._is_draining or self._is_short_of_disk)
        wanted = [kind for kind in WorkKind if takes_runs or kind is not WorkKind.RUN]
        return [kind for kind in wanted if busy[kind] < self._slots.get(kind, 0)]

    def _drop_ended(self) -> bool:
        self._ended.clear()
        alive = [task for task in self._tasks if task.is_alive]
        ended = len(alive) < len(self._tasks)
        self._tasks = alive
        return ended

    def _let_go(self) -> None:
        for task in self._tasks:
            task.let_go()
        if self._engine:
            self._engine.stop()
        end = time.monotonic() + STOP_WAIT_S
        for task in self._tasks:
            task.wait(max(0.0, end - time.monotonic()))

    def _end_leftovers(self) -> None:
        """Simulators that a worker left when it was killed."""
        for run_dir in self._bench.var_dir.glob("work/*/runs/*"):
            if kill_leftover(run_dir):
                *_, simulation, _, run = run_dir.parts
                log.warning("leftover.ended", extra={"simulation": simulation, "run": run})
