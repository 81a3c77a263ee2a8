"""`python -m simcrate.oppsim`."""

from __future__ import annotations

import signal
import sys

from simcrate.oppsim.cmdenv import main

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever read our output is gone: so are we
    sys.exit(main())
