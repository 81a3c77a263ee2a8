"""Clocks that a test sets: one in this process, and one on the wall of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LIBRARY = "faketime/libfaketimeMT.so.1"
# Up to 0.9.10 it lets sleep() fail when it leaves the monotonic clock alone; Python runs this at its start.
SITE = """
import threading, time
time.sleep = threading.Event().wait
"""


class Clock:
    """Monotonic seconds; `sleep` moves it and remembers for how long."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


class WallClock:
    """What time it is for the processes that have `environment`, by libfaketime.

    Their monotonic clock and the times of files are the real ones.
    """

    def __init__(self, directory: Path) -> None:
        self._site_dir = directory / "site"
        self._site_dir.mkdir()
        (self._site_dir / "sitecustomize.py").write_text(SITE)
        self._path = directory / "wall-clock"
        self.set(hours=0)

    @property
    def environment(self) -> Mapping[str, str]:
        (library,) = Path("/usr/lib").glob(f"*/{LIBRARY}")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(self._site_dir),
        }

    def set(self, *, hours: int) -> None:
        """So much ahead of the real clock, within a second."""
        partial = self._path.with_suffix(".partial")
        partial.write_text(f"{hours:+d}h")
        partial.replace(self._path)
