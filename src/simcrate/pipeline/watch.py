"""Between a task that works and the supervisor that watches it: progress out, stop in.

One object per task, shared by two threads.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Lock

from simcrate.errors import WorkEndedError
from simcrate.pipeline.jobs import Progress, RunState


class Watch:
    """Progress as it was last shown, and whether to stop."""

    def __init__(self) -> None:
        self.stop = Event()
        """Set to end the task: a cancel, a lost lease, or the worker's own end."""
        self.abandoned = Event()
        """Set with `stop` when the work is no longer ours: nothing of it is recorded."""
        self.ends_as = RunState.CANCELLED
        """What a run becomes that is ended early."""
        self._lock = Lock()
        self._latest: Progress | None = None

    def end(self, ends_as: RunState) -> None:
        """Ask the task to end early; what it has so far counts."""
        self.ends_as = ends_as
        self.stop.set()

    def abandon(self) -> None:
        """Ask the task to end at once; somebody else will do it again."""
        self.abandoned.set()
        self.stop.set()

    def raise_if_stopped(self) -> None:
        """For stages that have no better place to stop."""
        if self.stop.is_set():
            raise WorkEndedError

    def sleep(self, seconds: float) -> None:
        """Wait, unless the task is to stop: then `WorkEndedError`."""
        if self.stop.wait(seconds):
            raise WorkEndedError

    def pause(self, seconds: float) -> None:
        """Wait, also after a cancel; once the work is no longer ours: `WorkEndedError`."""
        if self.abandoned.wait(seconds):
            raise WorkEndedError

    def raise_if_abandoned(self) -> None:
        """For stages that a cancel does not end."""
        if self.abandoned.is_set():
            raise WorkEndedError

    def show(self, progress: Progress) -> None:
        """Replace what is shown; cheap, to be called as often as there is news."""
        with self._lock:
            self._latest = progress

    def show_stage(self, stage: str, percent: float = 0.0) -> None:
        """Show a stage that has nothing but a percentage."""
        self.show(Progress(stage=stage, percent=percent))

    def show_waiting(self, waits_for: str) -> None:
        """Show what is waited for, beside what was shown last."""
        with self._lock:
            self._latest = replace(self._latest or Progress(stage=""), waits_for=waits_for)

    def take(self) -> Progress | None:
        """What was shown since the last call, if anything."""
        with self._lock:
            latest, self._latest = self._latest, None
            return latest
