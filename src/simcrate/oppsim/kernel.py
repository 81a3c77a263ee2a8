"""Simulated time and the events that move it.

Knows nothing of networks, files or the terminal.  Times are float64 simulated seconds; events at the
same time happen in the order in which they were scheduled.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[], None]


class Event:
    """A scheduled action; may be cancelled until it happens."""

    __slots__ = ("action", "time_s")

    def __init__(self, time_s: float, action: Action) -> None:
        self.time_s = time_s
        self.action: Action | None = action

    def cancel(self) -> None:
        """Make it not happen."""
        self.action = None


class Kernel:
    """A clock and its future events."""

    def __init__(self) -> None:
        self.now_s = 0.0
        """Simulated time, seconds."""

        self.event_count = 0
        """How many events have happened."""

        self._future: list[tuple[float, int, Event]] = []
        self._order = count()

    @property
    def scheduled_count(self) -> int:
        """How many events are still to come, cancelled ones included."""
        return len(self._future)

    def schedule(self, time_s: float, action: Action) -> Event:
        """Let something happen at a time, which must not have passed."""
        assert time_s >= self.now_s, "an event cannot be scheduled in the past"
        event = Event(time_s, action)
        heapq.heappush(self._future, (time_s, next(self._order), event))
        return event

    def advance(self, limit_s: float) -> bool:
        """Let the next event happen.

        Args:
            limit_s: the time at which the simulation ends; events at that time do not happen any more.

        Returns:
            False when nothing happened because no event comes before the limit; the clock then stands
            at the limit, or where it was if there are no more events at all.
        """
        while self._future and self._future[0][2].action is None:
            heapq.heappop(self._future)
        if not self._future:
            return False
        if self._future[0][0] >= limit_s:
            self.now_s = limit_s
            return False
        self.now_s, _, event = heapq.heappop(self._future)
        self.event_count += 1
        assert event.action is not None
        event.action()
        return True
