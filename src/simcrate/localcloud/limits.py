"""How often one client may ask: token buckets by credential and by address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from simcrate.localcloud.problems import Problem

KEPT_BUCKETS = 10_000  # the least recently used are forgotten, that is: full again


class RateLimit:
    """One bucket per client, which fills at a steady rate.

    Args:
        per_s: how many requests a client may make, sustained.
        burst: how many at once.
        clock: seconds, monotonic.
    """

    def __init__(
        self, *, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def require(self, client: str) -> None:
        """Refuse a client whose bucket is empty; takes nothing out.

        Raises:
            Problem: `too-many`, with `Retry-After`.
        """
        level = self._level(client)
        if level >= 1:
            return
        wait_s = math.ceil((1 - level) / self._per_s)
        message = f"too many requests from here; try again in {wait_s} s"
        raise Problem("too-many", message, headers={"Retry-After": str(wait_s)})

    def take(self, client: str) -> None:
        """Take one out of a client's bucket."""
        self._buckets[client] = (self._level(client) - 1, self._clock())
        self._buckets.move_to_end(client)
        while len(self._buckets) > KEPT_BUCKETS:
            self._buckets.popitem(last=False)

    def _level(self, client: str) -> float:
        level, at = self._buckets.get(client, (self._burst, 0.0))
        return min(self._burst, level + (self._clock() - at) * self._per_s)
