#!/usr/bin/env python3
"""Run local-cloud from a checkout; an installed SimCrate has the command `local-cloud`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"  # made by `make`

if importlib.util.find_spec("starlette") is None:
    if not PYTHON.exists():
        sys.exit(
            "local-cloud needs packages that are not installed; `make .venv/run.stamp` installs them"
        )
    os.execv(PYTHON, [str(PYTHON), *sys.argv])  # noqa: S606 - the same program

sys.path.insert(0, str(ROOT / "src"))

from simcrate.localcloud.__main__ import main  # noqa: E402 - after the path

if __name__ == "__main__":
    main()
