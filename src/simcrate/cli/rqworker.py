"""One `rq` worker, `python -m simcrate.cli.rqworker SIMULATOR...`, and the function that messages call.

`simcrate worker` starts these where `SIMCRATE_REDIS_URL` is set; nobody else needs to.
"""

from __future__ import annotations

import importlib
import signal
import sys
from threading import Event

PRELOADED = ("simcrate.cli.bench", "simcrate.worker.supervise", "simcrate.cli.rqworker")
"""What each forked process would import otherwise."""


def supervise(run_id: str) -> None:
    """Do one run; called in a process that was forked for this message."""
    from simcrate.cli.bench import make_bench
    from simcrate.worker import supervise as one_run

    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    one_run.supervise(make_bench(), run_id, stop)


def main() -> None:
    """Serve messages about runs of the simulators that are named."""
    from simcrate.cli.portal import use_portal

    use_portal(migrate=False)
    from django.conf import settings

    from simcrate.worker.rq_engine import serve_messages

    for module in PRELOADED:
        importlib.import_module(module)
    serve_messages(sys.argv[1:], settings.ENVIRONMENT.redis_url)


if __name__ == "__main__":
    main()
