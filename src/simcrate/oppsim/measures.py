"""Counters, values that hold until they change, and ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class HeldValue:
    """A value that holds until it changes: its time average and its maximum from a time on."""

    since_s: float
    """The last change; at first the time from which on it is measured."""
    value: float = 0.0
    maximum: float = 0.0
    integral: float = 0.0

    def change(self, now_s: float, value: float) -> None:
        """Take a new value."""
        if now_s >= self.since_s:
            self.integral += self.value * (now_s - self.since_s)
            self.maximum = max(self.maximum, self.value, value)
            self.since_s = now_s
        self.value = value

    def mean(self, start_s: float, now_s: float) -> float:
        """Time average since the start; NaN when no time has passed."""
        self.change(now_s, self.value)
        return self.integral / (now_s - start_s) if now_s > start_s else math.nan


@dataclass(slots=True)
class Counters:
    """What is counted for every node and for the network."""

    created: int = 0
    relayed: int = 0
    delivered: int = 0
    dropped: int = 0
    expired: int = 0
    contacts: int = 0


COUNTERS = {
    "created": ("messagesCreated", "messages created"),
    "relayed": ("messagesRelayed", "transfers completed, deliveries included"),
    "delivered": ("messagesDelivered", "messages delivered"),
    "dropped": ("messagesDropped", "copies dropped from full buffers"),
    "expired": ("messagesExpired", "copies whose time to live ended"),
    "contacts": ("contacts", "contacts"),
}
"""Counter: (name of its statistic, its title)."""


def ratio(part: int, whole: int) -> float:
    """Part of a whole; NaN when there is no whole."""
    return part / whole if whole else math.nan
