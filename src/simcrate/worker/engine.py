"""The seam for queue engines: who starts the runs of this machine in place of the supervisor's threads.

Without one the supervisor claims runs itself.  With one it is the keeper of this machine: it frees what
dead workers hold, packs and delivers, and looks after the engine's processes.  Whatever starts a run
ends up in `supervise`, with the same claims, leases and fences; an engine only says that there is work.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Engine(Protocol):
    """Processes of this machine that are brought runs by a queue."""

    def look(self, simulators: Collection[str], *, is_draining: bool) -> bool:
        """Start what is missing, end what is not wanted; called several times a second.

        Returns true when one of its processes has died, so that what it had is freed at once.

        Args:
            simulators: whose runs this machine can be given now.
            is_draining: what is under way is finished, nothing more is taken.
        """
        ...

    @property
    def busy(self) -> int:
        """How many runs it has under way."""
        ...

    def stop(self) -> None:
        """Let go of all runs; they are free for others when this returns."""
        ...
