"""What programs need that run from a checkout: its sources, and the packages that `make` installs in `.venv`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"


def enter() -> None:
    """Go on as the checkout's own Python where there is one, with its sources first on the path."""
    if PYTHON.exists() and sys.executable != str(PYTHON):
        os.execv(PYTHON, [str(PYTHON), *sys.argv])  # noqa: S606 - the same program
    if importlib.util.find_spec("httpx") is None:
        sys.exit(
            "this program needs packages that are not installed; `make .venv/run.stamp` in the "
            "checkout installs them"
        )
    sys.path.insert(0, str(ROOT / "src"))
