"""What the processes of a program use together, sampled from `/proc`.

One scan serves all programs that are followed at the time: the table is kept for a moment.

Source: proc(5), `/proc/<pid>/stat` (fields 2 name, 3 state, 4 ppid, 6 session, 14 utime, 15 stime,
22 starttime, 24 rss).
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

KEPT_S = 0.5
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_AFTER_NAME = 3  # the name in field 2 may hold anything; what follows its ")" starts at field 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEntry:
    """One process."""

    pid: int
    name: str
    is_zombie: bool
    parent: int
    session: int
    started_ticks: int
    """Since the machine was started."""
    cpu_time_s: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of a whole tree of processes, at one moment."""

    processes: int
    memory_bytes: int
    """Resident; pages that processes share count for each of them."""
    cpu_time_s: float
    """Of the processes that live at that moment."""


def usage_of(pid: int) -> Usage:
    """What the program that `pid` leads uses."""
    members = list(_members(pid))
    return Usage(
        processes=len(members),
        memory_bytes=sum(entry.memory_bytes for entry in members),
        cpu_time_s=sum(entry.cpu_time_s for entry in members),
    )


def processes_of(pid: int) -> list[ProcessEntry]:
    """Every process of the program that `pid` leads, as they are now."""
    _table.forget()
    return list(_members(pid))


def read_entry(pid: int) -> ProcessEntry | None:
    """One process as it is now; None: there is none, or none that we may see."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    head, _, rest = stat.rpartition(")")
    fields = rest.split()
    return ProcessEntry(
        pid=pid,
        name=head.partition("(")[2],
        is_zombie=fields[3 - _AFTER_NAME] == "Z",
        parent=int(fields[4 - _AFTER_NAME]),
        session=int(fields[6 - _AFTER_NAME]),
        started_ticks=int(fields[22 - _AFTER_NAME]),
        cpu_time_s=(int(fields[14 - _AFTER_NAME]) + int(fields[15 - _AFTER_NAME])) / _TICKS_PER_S,
        memory_bytes=int(fields[24 - _AFTER_NAME]) * _PAGE_BYTES,
    )


def _members(leader: int) -> Iterator[ProcessEntry]:
    """Those of its session and those that descend from it: each alone can be left by a process."""
    entries = _table.read()
    children: dict[int, list[ProcessEntry]] = defaultdict(list)
    for entry in entries.values():
        children[entry.parent].append(entry)
    pending = [entry for entry in entries.values() if leader in {entry.pid, entry.session}]
    seen: set[int] = set()
    while pending:
        entry = pending.pop()
        if entry.pid in seen:
            continue
        seen.add(entry.pid)
        yield entry
        pending += children[entry.pid]


class _ProcessTable:
    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: dict[int, ProcessEntry] = {}
        self._read_at = -KEPT_S

    def read(self) -> dict[int, ProcessEntry]:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_S:
                self._entries = {entry.pid: entry for entry in _scan()}
                self._read_at = time.monotonic()
            return self._entries

    def forget(self) -> None:
        with self._lock:
            self._read_at = -KEPT_S


def _scan() -> Iterator[ProcessEntry]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of names, many times a minute
        if name.isdecimal() and (entry := read_entry(int(name))):
            yield entry


_table = _ProcessTable()
