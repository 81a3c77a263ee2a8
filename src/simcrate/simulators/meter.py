"""What one run uses, against its limits.

Watched by whoever follows the run, so that limits hold when nothing else can be reached.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simcrate.simulators.definition import Limits
from simcrate.simulators.fileuse import FileUse, file_size, measure_files
from simcrate.simulators.processtable import usage_of

SAMPLE_S = 1.0
FILES_SHARE = 0.2  # of the time may go into looking at files; few of them are sampled as often
IDLE_FILES_S = 10.0  # where nothing limits them, their peak is only told
MOST_FILES = 100_000  # more take so long to look at that a limit would be noticed too late
RUNAWAY = 2  # times a limit: what still grows after it was told to finish is not finishing


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
        log_path: Path,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Its disk is the directory and the log."""
        self.peaks = Peaks()
        self._pid = pid
        self._directory = directory
        self._log_path = log_path
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._sample_at = self._started + SAMPLE_S  # at once it is not yet itself
        self._files_at = self._started
        self._files = FileUse()

    def exceeded(self) -> str:
        """Why the program must be stopped, in a sentence; empty while it may go on."""
        now = self._clock()
        if now < self._sample_at:
            return ""
        self._sample_at = now + SAMPLE_S
        self._sample(now)
        return self.reason()

    @property
    def is_running_away(self) -> bool:
        """Whether it takes so much that there is no time to let it finish."""
        limits, peaks = self._limits, self.peaks
        return (
            0 < RUNAWAY * limits.memory_bytes < peaks.memory_bytes
            or 0 < RUNAWAY * limits.disk_bytes < peaks.disk_bytes
            or (limits.disk_bytes > 0 and self._files.uncounted != "")
        )

    def measure_rest(self) -> None:
        """Look at what the program left when it ended."""
        self._measure_files((), math.inf)

    def reason(self) -> str:
        """The limit that what was seen is over, in a sentence; empty: none."""
        limits, peaks = self._limits, self.peaks
        if 0 < limits.memory_bytes < peaks.memory_bytes:
            return self._memory_reason()
        if 0 < limits.disk_bytes < peaks.disk_bytes:
            return f"The disk limit of {_size(limits.disk_bytes)} was reached."
        if limits.disk_bytes and self._files.uncounted:
            limit = _size(limits.disk_bytes)
            return f"The disk limit of {limit} cannot be watched over: {self._files.uncounted}."
        if 0 < limits.cpu_time_s < peaks.cpu_time_s:
            return f"The CPU time limit of {_duration(limits.cpu_time_s)} was reached."
        if 0 < limits.wall_time_s < self._clock() - self._started:
            return f"The time limit of {_duration(limits.wall_time_s)} was reached."
        return ""

    def refused_reason(self) -> str:
        """The same of a program that ended because it got no more memory; empty: we let it have all."""
        return self._memory_reason() if self._limits.memory_bytes else ""

    def _memory_reason(self) -> str:
        return f"The memory limit of {_size(self._limits.memory_bytes)} was reached."

    def _sample(self, now: float) -> None:
        usage = usage_of(self._pid)
        peaks = self.peaks
        if now >= self._files_at:
            self._measure_files(usage.pids, MOST_FILES)
            limits = self._limits
            pause_s = 0.0 if limits.disk_bytes or limits.memory_bytes else IDLE_FILES_S
            self._files_at = now + max(pause_s, (self._clock() - now) / FILES_SHARE)
        memory_bytes = usage.memory_bytes + self._files.memory_bytes
        peaks.memory_bytes = max(peaks.memory_bytes, memory_bytes)
        peaks.cpu_time_s = max(peaks.cpu_time_s, usage.cpu_time_s)

    def _measure_files(self, pids: tuple[int, ...], most_entries: float) -> None:
        self._files = measure_files(self._directory, pids, most_entries=most_entries)
        used_bytes = self._files.disk_bytes + file_size(self._log_path)
        self.peaks.disk_bytes = max(self.peaks.disk_bytes, used_bytes)


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
