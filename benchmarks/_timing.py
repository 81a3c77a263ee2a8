"""Time and peak memory of a piece of work."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Not ru_maxrss: a child inherits that of its parent.
_REPORT = "print(open('/proc/self/status').read())"


def best_cpu_s(work: Callable[[], object], rounds: int = 3) -> float:
    """Processor time, of all threads, of the fastest of some rounds.

    Other than wall time it hardly depends on what else the machine does, and it gives no credit for
    using two cores where the peer uses one.
    """
    return min(_once_s(work) for _ in range(rounds))


def peak_mb(script: str, *arguments: Path) -> float:
    """Peak memory of a Python script that runs in a process of its own; Linux only."""
    command = [sys.executable, "-c", f"{script}\n{_REPORT}", *map(str, arguments)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    (kilobytes,) = re.findall(r"VmHWM:\s*(\d+) kB", done.stdout)
    return int(kilobytes) * 1024 / 1e6


def _once_s(work: Callable[[], object]) -> float:
    started_at = time.process_time()
    work()
    return time.process_time() - started_at
