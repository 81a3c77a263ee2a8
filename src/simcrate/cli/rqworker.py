"""One `rq` worker, `python -m simcrate.cli.rqworker SIMULATOR...`, and the function that messages call.

`simcrate worker` starts these where `SIMCRATE_REDIS_URL` is set; nobody else needs to.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from threading import Event

from simcrate.worker.tasks import Bench

_let_go = Event()


def supervise(run_id: str) -> None:
    """Do one run, as a message asks."""
    from simcrate.worker import supervise as one_run

    one_run.supervise(_bench(), run_id, _let_go)
    if _let_go.is_set():
        os._exit(0)  # at once: RQ would first take leave of a Redis that may be away


@cache
def _bench() -> Bench:
    from simcrate.cli.bench import make_bench

    return make_bench()


def main() -> None:
    """Serve messages about runs of the simulators that are named."""
    from simcrate.cli.portal import start_portal

    start_portal(migrate=False)
    from django.conf import settings

    from simcrate.worker.rq_engine import serve_messages

    _bench()
    serve_messages(sys.argv[1:], settings.ENVIRONMENT.redis_url, _let_go)


if __name__ == "__main__":
    # by its name: messages call the function of that module, not of this script
    importlib.import_module("simcrate.cli.rqworker").main()
