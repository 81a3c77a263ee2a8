"""What a worker believes only after it has seen it for a while.

The database's clock may jump.  Then every lease looks overdue, and every worker gone, until the next beat.
So what is seen by that clock counts only when it is still there after everybody alive has beaten, by a
clock of our own that never jumps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
Clock = Callable[[], float]

BEATEN_AFTER_S = 12.0
"""Whoever is alive has beaten by then; a worker beats every 10 s, and looks every 15 s."""


class Sightings(Generic[S]):
    """What was there at every look, and since when."""

    def __init__(self, clock: Clock = time.monotonic, *, lasting_s: float = BEATEN_AFTER_S) -> None:
        self._clock = clock
        self._lasting_s = lasting_s
        self._since: dict[S, float] = {}

    def lasting(self, seen: Iterable[S]) -> set[S]:
        """Those that have been there for long enough; `seen` is everything that is there now."""
        now = self._clock()
        self._since = {sight: self._since.get(sight, now) for sight in seen}
        return {sight for sight, since in self._since.items() if now - since >= self._lasting_s}
