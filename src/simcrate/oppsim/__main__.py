"""`python -m simcrate.oppsim`."""

from __future__ import annotations

import os
import signal
import sys


def run() -> int:
    """Start with what only a whole process can decide."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever read our output is gone: so are we
    # a run uses one core; idle threads of numpy would count against limits of processes and memory
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from simcrate.oppsim.cmdenv import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
