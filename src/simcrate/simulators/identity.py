"""Who a process is, so that nothing that is given its pid later is taken for it.

A start time in ticks of the kernel's own clock names a process within one boot of one machine.  No clock
that people or time servers set takes part: a step of the wall clock makes nobody look dead.

Source: proc(5), `/proc/<pid>/stat` field 22, `/proc/sys/kernel/random/boot_id`; pid_namespaces(7).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simcrate.simulators.processtable import read_entry

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_BOOT_DIGITS = 8  # enough to tell the boots of one machine apart, and short to read


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process among all that ever were."""

    pid: int
    started_ticks: int
    """Since the machine was started."""
    boot: str
    """The run of the kernel that it belongs to."""
    pid_namespace: int
    """Containers count their pids for themselves, each from 1."""

    @classmethod
    def of(cls, pid: int) -> Self:
        """That of a process that runs.

        Raises:
            ProcessLookupError: there is none.
        """
        entry = read_entry(pid)
        if entry is None:
            raise ProcessLookupError(pid)
        return cls(
            pid=pid, started_ticks=entry.started_ticks, boot=_boot(), pid_namespace=_pid_namespace()
        )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `str` wrote.

        Raises:
            ValueError: it is none.
        """
        pid, _, rest = text.partition("/")
        started_ticks, boot, pid_namespace = rest.split("-")
        return cls(
            pid=int(pid),
            started_ticks=int(started_ticks),
            boot=boot,
            pid_namespace=int(pid_namespace),
        )

    def __str__(self) -> str:
        """Without spaces; the pid stands first, for people."""
        return f"{self.pid}/{self.started_ticks}-{self.boot}-{self.pid_namespace}"

    def has_ended(self) -> bool:
        """Whether it is certain that it runs no more.

        What runs beside us in another container cannot be seen from here, so that its end is never
        certain.  One that is dead and waits for its parent to notice has ended.
        """
        if self.boot != _boot():
            return True
        if not self.can_be_seen():
            return False
        entry = read_entry(self.pid)
        return entry is None or entry.is_zombie or entry.started_ticks != self.started_ticks

    def can_be_seen(self) -> bool:
        """Whether its pid means a process of ours, now or earlier: not one of another boot or container."""
        return (self.boot, self.pid_namespace) == (_boot(), _pid_namespace())


def _boot() -> str:
    return _BOOT_ID.read_text()[:_BOOT_DIGITS]


def _pid_namespace() -> int:
    return _PID_NAMESPACE.stat().st_ino
