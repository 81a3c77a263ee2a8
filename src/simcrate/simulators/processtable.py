"""What the processes of a program use together, sampled from `/proc`.

One scan serves all programs that are followed at the time: the table is kept for a moment.

Source: proc(5), `/proc/<pid>/stat` (fields 2 name, 3 state, 4 ppid, 6 session, 14 utime, 15 stime,
16 cutime, 17 cstime, 22 starttime, 24 rss).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

KEPT_S = 0.9  # those that are followed are looked at every second
_STAT_BYTES = 4096
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
    """With that of its children that it has buried."""
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of a whole tree of processes, at one moment."""

    pids: tuple[int, ...]
    memory_bytes: int
    """Resident; pages that processes share count for each of them."""
    cpu_time_s: float
    """Of the processes that live at that moment, and of those that they have buried."""


def usage_of(pid: int) -> Usage:
    """What the program that `pid` leads uses."""
    members = list(_members(pid))
    return Usage(
        pids=tuple(entry.pid for entry in members),
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
        stat = _read(f"/proc/{pid}/stat")
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
        cpu_time_s=sum(map(int, fields[14 - _AFTER_NAME : 18 - _AFTER_NAME])) / _TICKS_PER_S,
        memory_bytes=int(fields[24 - _AFTER_NAME]) * _PAGE_BYTES,
    )


def _read(path: str) -> str:
    """In a third of the time of `Path.read_text`: this is done for every process of the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, _STAT_BYTES).decode(errors="replace")
    finally:
        os.close(descriptor)


def _members(leader: int) -> Iterator[ProcessEntry]:
    """Those of its session and those that descend from it: each alone can be left by a process."""
    snapshot = _table.read()
    pending = [*snapshot.itself(leader), *snapshot.of_session.get(leader, ())]
    seen: set[int] = set()
    while pending:
        entry = pending.pop()
        if entry.pid in seen:
            continue
        seen.add(entry.pid)
        yield entry
        pending += snapshot.children.get(entry.pid, ())


class _Snapshot:
    """All processes at one moment."""

    def __init__(self, entries: Iterable[ProcessEntry]) -> None:
        self._entries: dict[int, ProcessEntry] = {}
        self.children: dict[int, list[ProcessEntry]] = {}
        self.of_session: dict[int, list[ProcessEntry]] = {}
        for entry in entries:
            self._entries[entry.pid] = entry
            self.children.setdefault(entry.parent, []).append(entry)
            self.of_session.setdefault(entry.session, []).append(entry)

    def itself(self, pid: int) -> list[ProcessEntry]:
        """That process, if there is one."""
        return [self._entries[pid]] if pid in self._entries else []


class _ProcessTable:
    def __init__(self) -> None:
        self._lock = Lock()
        self._snapshot = _Snapshot([])
        self._read_at = -KEPT_S

    def read(self) -> _Snapshot:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_S:
                self._snapshot = _Snapshot(_scan())
                self._read_at = time.monotonic()
            return self._snapshot

    def forget(self) -> None:
        with self._lock:
            self._read_at = -KEPT_S


def _scan() -> Iterator[ProcessEntry]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of names, many times a minute
        if name.isdecimal() and (entry := read_entry(int(name))):
            yield entry


_table = _ProcessTable()
