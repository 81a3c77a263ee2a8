"""Physical quantities of configuration values: `100s`, `1.5h`, `1h 30min`.

Source: OMNeT++ Simulation Manual, "Units of Measurement" (time units of NED).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from simcrate.errors import StatisticsError

SECONDS = {
    "d": 86400.0,
    "h": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "ps": 1e-12,
    "fs": 1e-15,
    "as": 1e-18,
}
_TERM = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-z]*)\s*")


def seconds(text: str) -> float:
    """Simulated seconds of a time such as `100s`, `1h 30min` or a bare number.

    Raises:
        StatisticsError: it is not a time.
    """
    total, position = 0.0, 0
    while match := _TERM.match(text, position):
        number, unit = match.groups()
        if (unit or "s") not in SECONDS:
            break
        total += float(number) * SECONDS[unit or "s"]
        position = match.end()
    if not text.strip() or position != len(text):
        message = f"could not read {text!r} as a time; write for example 100s or 1h 30min"
        raise StatisticsError(message)
    return total


def configured_seconds(config: Iterable[tuple[str, str]], key: str) -> float | None:
    """A time of a run's configuration; None when it sets none, or an expression that only the simulator evaluates.

    Args:
        config: keys and values in search order: the first match wins.
        key: such as `warmup-period`.
    """
    for name, value in config:
        if name == key:
            try:
                return seconds(value)
            except StatisticsError:
                return None
    return None
