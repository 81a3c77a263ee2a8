#!/usr/bin/env python3
"""Run local-cloud from a checkout; an installed SimCrate has the command `local-cloud`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from simcrate.localcloud.__main__ import main

if __name__ == "__main__":
    main()
