"""Time and peak memory of a piece of work."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def best_s(work: Callable[[], object], rounds: int = 3) -> float:
    """Wall time of the fastest of some rounds."""
    return min(_once_s(work) for _ in range(rounds))


def peak_mb(script: str, *arguments: Path) -> float:
    """Peak memory of a Python script that runs in a process of its own."""
    report = f"{script}\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    command = [sys.executable, "-c", report, *map(str, arguments)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return int(done.stdout.split()[-1]) * _unit_bytes() / 1e6


def _unit_bytes() -> int:
    """What `ru_maxrss` counts in: kilobytes, on macOS bytes."""
    return 1 if sys.platform == "darwin" else 1024


def _once_s(work: Callable[[], object]) -> float:
    started_at = time.perf_counter()
    work()
    return time.perf_counter() - started_at
