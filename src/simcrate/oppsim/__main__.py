"""`python -m simcrate.oppsim`."""

from __future__ import annotations

import sys

from simcrate.oppsim.cmdenv import main

sys.exit(main())
