"""Contact traces: who met whom, from a text file.

    # seconds   kind  action  node  node
    12.5        CONN  3       7     up
    40          CONN  3       7     down

One event a line, times not decreasing, nodes numbered from 0; blank lines and lines that begin with `#`
are skipped.  This is the connection format that the ONE's StandardEventsReader reads; the shorter form
`12.5 up 3 7` means the same.  The file is read as simulated time goes on, never as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from simcrate.oppsim.contacts import ContactSource, Pair, Step
from simcrate.oppsim.errors import ModelError


def read_trace(path: Path, *, node_count: int) -> ContactSource:
    """Contacts of a trace; ends with the file.

    Contacts that begin twice or end without having begun are ignored, as overlapping scans of recorded
    traces produce them.

    Raises:
        ModelError: a line does not parse, a node does not exist, time goes back; names file and line.
    """
    up: set[Pair] = set()
    moment: tuple[float, dict[Pair, bool]] = (0.0, {})
    for time_s, pair, is_up in _events(path, node_count):
        if time_s != moment[0]:
            yield _step(*moment, up)
            moment = (time_s, {})
        moment[1][pair] = is_up
    yield _step(*moment, up)


def _step(time_s: float, changes: dict[Pair, bool], up: set[Pair]) -> Step:
    ended = tuple(pair for pair, is_up in changes.items() if not is_up and pair in up)
    begun = tuple(pair for pair, is_up in changes.items() if is_up and pair not in up)
    up.difference_update(ended)
    up.update(begun)
    return Step(time_s=time_s, down=ended, up=begun)


def _events(path: Path, node_count: int) -> Iterator[tuple[float, Pair, bool]]:
    earlier_s = 0.0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip() or line.lstrip().startswith("#"):
                    continue
                place = f"{path.name}:{number}"
                time_s, pair, is_up = _parse(line.split(), place)
                if time_s < earlier_s:
                    message = f"{place}: time goes back from {earlier_s:g}s to {time_s:g}s"
                    raise ModelError(message)
                if pair[0] == pair[1] or not 0 <= pair[0] < pair[1] < node_count:
                    message = f"{place}: nodes must be two of 0..{node_count - 1} (numNodes = {node_count})"
                    raise ModelError(message)
                yield time_s, pair, is_up
                earlier_s = time_s
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        message = f"Cannot read trace file '{path.name}': {reason}"
        raise ModelError(message) from error


def _parse(words: list[str], place: str) -> tuple[float, Pair, bool]:
    match words:
        case [time, "CONN" | "conn", a, b, "up" | "down" as action]:
            pass
        case [time, "up" | "down" as action, a, b]:
            pass
        case _:
            message = f"{place}: expected '<seconds> CONN <node> <node> up|down'"
            raise ModelError(message)
    try:
        time_s, first, second = float(time), int(a), int(b)
    except ValueError as error:
        message = f"{place}: {error}"
        raise ModelError(message) from error
    if not (math.isfinite(time_s) and time_s >= 0):
        message = f"{place}: time must be a number of seconds from 0 on"
        raise ModelError(message)
    return time_s, (min(first, second), max(first, second)), action == "up"
