"""Do one run whose id a queue engine has brought: claim exactly that one, keep its lease, end.

A message is only a hint.  For a run that somebody has taken or that has ended there is nothing to do.
"""

from __future__ import annotations

import logging
import time
from threading import Event

from simcrate.errors import PortError
from simcrate.worker.port import Claim, WorkKind
from simcrate.worker.task import Task, hear_ends, keep_leases
from simcrate.worker.tasks import Bench
from simcrate.worker.wakefile import WakeFile

log = logging.getLogger(__name__)

TICK_S = 0.1
LOOK_S = 3.0
CLAIM_FOR_S = 30.0  # rows that are away longer are left to the keeper, which sends the run again


def supervise(bench: Bench, run_id: str, stop: Event) -> bool:
    """Take the run to its end, or until `stop` is set; false when it was not ours to do."""
    claim = _claim(bench, run_id, stop)
    if claim is None:
        log.info("message.dropped", extra={"kind": WorkKind.RUN, "claim": run_id})
        return False
    task = Task(bench, claim)
    wake = WakeFile(bench.var_dir, look_s=LOOK_S)
    while task.is_alive:
        if stop.is_set():
            task.let_go()
        try:
            keep_leases(bench.port, [task])
            if wake.is_due(time.monotonic()):
                hear_ends(bench.port, [task])
        except PortError as error:
            log.warning("database.not_reached", extra=error.facts)
        task.wait(TICK_S)
    return True


def _claim(bench: Bench, run_id: str, stop: Event) -> Claim | None:
    """The claim, waiting a while for rows that cannot be reached."""
    give_up_at = time.monotonic() + CLAIM_FOR_S
    while True:
        try:
            return bench.port.claim_run(run_id)
        except PortError:
            if time.monotonic() > give_up_at or stop.wait(1.0):
                return None
