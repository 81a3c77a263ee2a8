"""What one run uses, against its limits.

Watched by whoever follows the run, so that limits hold when nothing else can be reached.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from simcrate.simulators.definition import Limits
from simcrate.simulators.processtable import usage_of

SAMPLE_S = 1.0
DISK_SHARE = (
    0.05  # of the time may go into walking the directory; one of few files is sampled as often
)
_BLOCK_BYTES = 512  # what stat(2) counts in
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

    @property
    def is_running_away(self) -> bool:
        """Whether it takes so much that there is no time to let it finish."""
        limits, peaks = self._limits, self.peaks
        return (
            0 < RUNAWAY * limits.memory_bytes < peaks.memory_bytes
            or 0 < RUNAWAY * limits.disk_bytes < peaks.disk_bytes
        )

    def measure_disk(self) -> None:
        """Look at the disk now."""
        used_bytes = directory_size(self._directory) + file_size(self._log_path)
        self.peaks.disk_bytes = max(self.peaks.disk_bytes, used_bytes)

    def _sample(self, now: float) -> None:
        usage = usage_of(self._pid)
        peaks = self.peaks
        peaks.memory_bytes = max(peaks.memory_bytes, usage.memory_bytes)
        peaks.cpu_time_s = max(peaks.cpu_time_s, usage.cpu_time_s)
        if now >= self._disk_at:
            self.measure_disk()
            self._disk_at = now + (self._clock() - now) / DISK_SHARE

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
    pending = [os.fspath(directory)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:  # it may go at any moment
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                total_bytes += file_size(entry)
    return total_bytes


def file_size(path: Path | os.DirEntry[str]) -> int:
    """Bytes on disk of one file, link or directory; 0 where it is gone."""
    try:
        return path.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
    except OSError:
        return 0


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
