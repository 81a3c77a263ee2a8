"""The wake file: whoever has work for a worker touches it."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME = "wake"


def touch(var_dir: Path) -> None:
    """Wake the workers that watch this directory; a hint, so a failure is only logged."""
    try:
        (var_dir / FILE_NAME).touch()
    except OSError as error:
        log.warning("wake.failed", extra={"why": error.strerror})


class WakeFile:
    """Due when the file was touched, and every few seconds anyhow."""

    def __init__(self, var_dir: Path, *, look_s: float) -> None:
        self._path = var_dir / FILE_NAME
        self._look_s = look_s
        self._seen_ns = 0
        self._due_at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether to look for work; `now` on the monotonic clock, seconds."""
        try:
            touched_ns = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            touched_ns = 0
        if touched_ns == self._seen_ns and now < self._due_at:
            return False
        self._seen_ns = touched_ns
        self._due_at = now + self._look_s
        return True
