"""What can be measured: names, titles and units; counters, held values and ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing that is measured, as it is called in result files."""

    name: str
    """Without the recording mode."""

    title: str
    """For people; without the recording mode."""

    unit: str = ""
    interpolation: str = ""
    """What holds between two samples: `none`, or `sample-hold` when the last one does."""


DELAY = Measure(name="delay", title="end-to-end delay", unit="s", interpolation="none")
HOP_COUNT = Measure(name="hopCount", title="hops of delivered messages", interpolation="none")
DELIVERY_RATIO = Measure(name="deliveryRatio", title="delivery ratio", interpolation="sample-hold")
OVERHEAD_RATIO = Measure(name="overheadRatio", title="overhead ratio")
ABORTED = Measure(name="transfersAborted", title="transfers broken off")
CONTACTS_UP = Measure(name="contactsUp", title="contacts that last", interpolation="sample-hold")
CONTACT_DURATION = Measure(
    name="contactDuration", title="contact duration", unit="s", interpolation="none"
)
INTER_CONTACT_TIME = Measure(
    name="interContactTime", title="inter-contact time", unit="s", interpolation="none"
)
BUFFER_OCCUPANCY = Measure(
    name="bufferOccupancy", title="buffer occupancy", unit="B", interpolation="sample-hold"
)
NEIGHBOURHOOD_SIZE = Measure(
    name="neighbourhoodSize", title="neighbourhood size", interpolation="sample-hold"
)
MEAN_BUFFER_OCCUPANCY = replace(BUFFER_OCCUPANCY, title="mean buffer occupancy of all nodes")
MEAN_NEIGHBOURHOOD_SIZE = replace(NEIGHBOURHOOD_SIZE, title="mean neighbourhood size of all nodes")

COUNTED = {
    "created": Measure(name="messagesCreated", title="messages created"),
    "relayed": Measure(name="messagesRelayed", title="transfers completed, deliveries included"),
    "delivered": Measure(name="messagesDelivered", title="messages delivered"),
    "dropped": Measure(name="messagesDropped", title="copies dropped from full buffers"),
    "expired": Measure(name="messagesExpired", title="copies whose time to live ended"),
    "contacts": Measure(name="contacts", title="contacts"),
}
"""What the fields of `Counters` are called."""


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


def ratio(part: int, whole: int) -> float:
    """Part of a whole; NaN when there is no whole."""
    return part / whole if whole else math.nan
