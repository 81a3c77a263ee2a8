"""What one run uses, against its limits.

Watched by whoever follows the run, so that limits hold when nothing else can be reached.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simcrate.simulators.definition import Limits
from simcrate.simulators.processtable import usage_of

SAMPLE_S = 1.0
DISK_SAMPLE_S = 5.0  # walking a directory of results costs more than reading /proc


@dataclass(slots=True)
class Peaks:
    """The most that was seen."""

    memory_bytes: int = 0
    disk_bytes: int = 0
    cpu_time_s: float = 0.0


class Meter:
    """Samples one program and says when it is over a limit."""

    def __init__(
        self,
        pid: int,
        directory: Path,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peaks = Peaks()
        self._pid = pid
        self._directory = directory
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._sample_at = self._started
        self._disk_at = self._started

    def exceeded(self) -> str:
        """Why the program must be stopped, in a sentence; empty while it may go on."""
        now = self._clock()
        if now < self._sample_at:
            return ""
        self._sample_at = now + SAMPLE_S
        self._sample(now)
        return self._reason(now)

    def _sample(self, now: float) -> None:
        usage = usage_of(self._pid)
        peaks = self.peaks
        peaks.memory_bytes = max(peaks.memory_bytes, usage.memory_bytes)
        peaks.cpu_time_s = max(peaks.cpu_time_s, usage.cpu_time_s)
        if now >= self._disk_at:
            self._disk_at = now + DISK_SAMPLE_S
            peaks.disk_bytes = max(peaks.disk_bytes, directory_size(self._directory))

    def _reason(self, now: float) -> str:
        limits, peaks = self._limits, self.peaks
        if 0 < limits.memory_bytes < peaks.memory_bytes:
            return f"The memory limit of {_size(limits.memory_bytes)} was reached."
        if 0 < limits.disk_bytes < peaks.disk_bytes:
            return f"The disk limit of {_size(limits.disk_bytes)} was reached."
        if 0 < limits.cpu_time_s < peaks.cpu_time_s:
            return f"The CPU time limit of {_duration(limits.cpu_time_s)} was reached."
        if 0 < limits.wall_time_s < now - self._started:
            return f"The time limit of {_duration(limits.wall_time_s)} was reached."
        return ""


def directory_size(directory: Path) -> int:
    """Bytes on disk of everything below a directory; holes of sparse files do not count."""
    total_bytes = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total_bytes += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118
            except FileNotFoundError:
                continue
    return total_bytes


def _size(size_bytes: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.3g} {unit}"
    return f"{size_bytes} bytes"


def _duration(seconds: int) -> str:
    for unit, factor in (("h", 3600), ("min", 60)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds} s"
