"""The real worker, which dies by SIGKILL at one point: `python killable_worker.py POINT`.

A point is `before:NAME` or `after:NAME`, the n-th call with `#n`.  Names are the functions in which a
stage does its work and the writes of the port and the ledger; nothing else of the worker is changed.  The
process that finishes a simulation kills the worker that started it.  `-` kills nobody.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import sys
from collections.abc import Callable
from threading import Event
from typing import Any

from simcrate.cli import main
from simcrate.cli.portal import start_portal
from simcrate.pipeline import collect, notify, pack, parse, statistics
from simcrate.storage.localstoreops import LocalBackend
from simcrate.worker import finishing, tasks

Places = dict[str, tuple[object, str]]

OF_THE_FINISHING_PROCESS: Places = {
    "collect": (collect, "collect"),
    "parse": (parse, "parse"),
    "statistics": (statistics, "compute"),
    "pack": (pack, "pack"),
}
FINISH = "--finish"


def places_of_the_worker() -> Places:
    """Only the worker has the settings that the portal's modules need."""
    start_portal(migrate=False)
    from simcrate.portal.deliveries.ledger import RowLedger
    from simcrate.portal.queue.port import RowsPort

    return {
        "claim": (RowsPort, "claim"),
        "fetch_inputs": (RowsPort, "fetch_inputs"),
        "simulate": (tasks, "simulate"),
        "end_run": (RowsPort, "end_run"),
        "packed": (RowsPort, "packed"),
        "uploading": (RowLedger, "uploading"),
        "upload": (LocalBackend, "upload"),
        "stored": (RowLedger, "stored"),
        "link": (LocalBackend, "link"),
        "linked": (RowLedger, "linked"),
        "announcing": (RowLedger, "announcing"),
        "send": (notify.OutboxPost, "send"),
        "announced": (RowLedger, "announced"),
        "spool_released": (RowLedger, "spool_released"),
    }


def arm(point: str, places: Places, kill: Callable[[], None]) -> None:
    when, _, rest = point.partition(":")
    name, _, number = rest.partition("#")
    owner, attribute = places[name]
    work: Callable[..., Any] = getattr(owner, attribute)
    calls = itertools.count(1)

    @functools.wraps(work)
    def dying(*args: object, **kwargs: object) -> object:
        is_due = next(calls) == int(number or 1)
        if is_due and when == "before":
            kill()
        value = work(*args, **kwargs)
        if is_due:
            kill()
        return value

    setattr(owner, attribute, dying)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_worker() -> None:
    """The worker that started this process; it notices, and ends."""
    os.kill(os.getppid(), signal.SIGKILL)
    Event().wait()


def serve(point: str) -> None:
    name = point.partition(":")[2].partition("#")[0]
    if name in OF_THE_FINISHING_PROCESS:
        finishing.COMMAND = (sys.executable, __file__, FINISH, point)
    elif name:
        arm(point, places_of_the_worker(), kill_self)
    sys.argv = ["simcrate", "worker"]
    main()


if __name__ == "__main__":
    if sys.argv[1] == FINISH:
        arm(sys.argv[2], OF_THE_FINISHING_PROCESS, kill_worker)
        finishing.main()
    else:
        serve(sys.argv[1])
