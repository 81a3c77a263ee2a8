"""Progress as Cmdenv prints it: percent, speed, messages.

    ** Event #1011712   t=32472.887279305777   Elapsed: 1.00077s (0m 01s)  90% completed  (90% total)
         Speed:     ev/sec=1.01096e+06   simsec/sec=32448.6   ev/simsec=31.1556
         Messages:  created: 295257   present: 11   in FES: 12

Source: recorded output of OMNeT++ 6.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from simcrate.oppsim.recording.header import format_time

SHORTEST_INTERVAL_S = 1e-3  # a speed over less than that means nothing and is printed as 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How far a run is."""

    event_count: int
    sim_time_s: float
    created_count: int
    present_count: int
    scheduled_count: int
    done: float | None
    """Share of the nearest limit, from 0 to 1; None without any limit."""


class StatusDisplay:
    """Prints moments of one run.

    Args:
        write: takes lines.
        done_runs: how many runs of the batch are over.
        total_runs: how many it has.
        performance: whether to print three lines, or one.
    """

    def __init__(
        self, write: Callable[[str], None], *, done_runs: int, total_runs: int, performance: bool
    ) -> None:
        self._write = write
        self._done_runs = done_runs
        self._total_runs = total_runs
        self._performance = performance
        self._started = self._last = time.monotonic()
        self._last_events = 0
        self._last_sim_time_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Wall time since the run began."""
        return time.monotonic() - self._started

    def show(self, moment: Moment) -> None:
        """Print where the run is, and its speed since the last time."""
        now = time.monotonic()
        line = (
            f"** Event #{moment.event_count}   t={format_time(moment.sim_time_s)}"
            f"   Elapsed: {_elapsed(now - self._started)}{self._percent(moment.done)}"
        )
        events_per_s, sim_per_s, events_per_sim = self._speed(moment, now - self._last)
        if not self._performance:
            self._write(f"{line}   ev/sec={events_per_s:g}\n")
        else:
            self._write(
                f"{line}\n"
                f"     Speed:     ev/sec={events_per_s:g}   simsec/sec={sim_per_s:g}"
                f"   ev/simsec={events_per_sim:g}\n"
                f"     Messages:  created: {moment.created_count}   present: {moment.present_count}"
                f"   in FES: {moment.scheduled_count}\n"
            )
        self._last = now
        self._last_events = moment.event_count
        self._last_sim_time_s = moment.sim_time_s

    def _percent(self, done: float | None) -> str:
        if done is None:
            return ""
        share = min(done, 1.0)
        total = (self._done_runs + share) / self._total_runs
        return f"  {int(100 * share)}% completed  ({int(100 * total)}% total)"

    def _speed(self, moment: Moment, interval_s: float) -> tuple[float, float, float]:
        if interval_s < SHORTEST_INTERVAL_S:
            return 0.0, 0.0, 0.0
        events = moment.event_count - self._last_events
        sim_s = moment.sim_time_s - self._last_sim_time_s
        return events / interval_s, sim_s / interval_s, events / sim_s if sim_s else 0.0


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{seconds:g}s ({minutes}m {rest:02d}s)"
