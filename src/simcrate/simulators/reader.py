"""What every kind of simulator is asked and tells, whatever its manners."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from enum import Enum
from signal import Signals

TAIL_LINES = 200  # what the live page shows
LINE_LIMIT = 2000  # characters of a line; no line that means something is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments:
    """Which run is to be started."""

    ini_name: str
    config: str
    number: int
    result_dir: str
    """Relative to the working directory."""


class EndingKind(Enum):
    """What an ending means for the results."""

    COMPLETE = "complete"
    LIMIT = "limit"
    """Stopped at a CPU or wall time limit: files are whole, the run is not."""
    SIGNAL = "signal"
    """SIGINT or SIGTERM: it finished early and wrote its files."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended and why, in a sentence."""

    kind: EndingKind
    reason: str


class Reader(ABC):
    """Reads the lines of one run as they come and remembers what they said."""

    def __init__(self) -> None:
        self.event_count = 0
        self.sim_time_s = 0.0
        self.percent = 0.0
        self.events_per_s: float | None = None
        self.sim_s_per_s: float | None = None
        self.messages_present: int | None = None
        self.first_error = ""
        self.version = ""
        self.line_count = 0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def read(self, line: str) -> None:
        """Take one line of output, without its line end."""
        line = line.replace("\0", "")[:LINE_LIMIT]  # databases keep no zero bytes in texts
        self._tail.append(line)
        self.line_count += 1
        if not self.first_error and self.is_error(line):
            self.first_error = line.strip()
        self.understand(line)

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._tail)

    @property
    def last_line(self) -> str:
        """The last line that is not blank."""
        return next((line.strip() for line in reversed(self._tail) if line.strip()), "")

    @abstractmethod
    def understand(self, line: str) -> None:
        """What the line says, if anything."""

    @abstractmethod
    def is_error(self, line: str) -> bool:
        """Whether the line tells of an error."""

    @abstractmethod
    def ending(self, exit_code: int) -> Ending:
        """How the run ended.

        Args:
            exit_code: negative: killed by that signal.
        """


def finite(text: str) -> float | None:
    """A number that the simulator printed; None where it is none that can be kept and shown."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def killed(exit_code: int) -> str:
    """The sentence on a death by a signal."""
    try:
        name = Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"The simulator was killed by {name}."
