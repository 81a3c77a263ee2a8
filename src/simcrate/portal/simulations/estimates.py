"""When will it end?  By what was done so far, as if the rest went at the same pace."""

from __future__ import annotations

from datetime import datetime

LEAST_PERCENT = 1.0
"""Before that, the pace is not known."""


def estimate_end(started_at: datetime | None, percent: float, now: datetime) -> datetime | None:
    """The end at the pace so far; None where that says nothing.

    Args:
        started_at: when the work began; None: it has not.
        percent: done so far, 0 to 100.
        now: aware, as `started_at`.
    """
    if started_at is None or not LEAST_PERCENT <= percent < 100:
        return None
    return now + (now - started_at) * ((100 - percent) / percent)
