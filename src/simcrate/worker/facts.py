"""What a worker shows of itself and of its machine."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from simcrate import __version__
from simcrate.errors import StageError
from simcrate.simulators import SandboxKind, find_sandbox
from simcrate.worker.port import WorkerFacts

LEAST_FREE_FILES = 1000
SHORT_FOR_S = 180.0
NO_SPACE = "no-space"
"""Its age says when a run was last given back; a file, since a queue engine's processes begin runs, too."""


def gather_facts(
    var_dir: Path,
    sandbox_kind: SandboxKind,
    tags: frozenset[str],
    *,
    tasks: int,
    least_free_bytes: int,
) -> WorkerFacts:
    """As they are now; whether the sandbox works is found out once."""
    disk = os.statvfs(var_dir)
    disk_free_bytes = disk.f_bavail * disk.f_frsize
    has_few_files = disk.f_files > 0 and disk.f_favail < LEAST_FREE_FILES
    return WorkerFacts(
        version=__version__,
        sandbox=sandbox_kind,
        sandbox_note=_sandbox_note(sandbox_kind),
        tags=tags,
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        disk_free_bytes=disk_free_bytes,
        is_short_of_disk=(
            disk_free_bytes < least_free_bytes or has_few_files or _lacked_space_lately(var_dir)
        ),
        tasks=tasks,
    )


def note_no_space(var_dir: Path) -> None:
    """A run found no space to begin, whatever the disk says: it may be a quota, or another disk."""
    with suppress(OSError):  # it takes no file either: then that is what shows
        (var_dir / NO_SPACE).touch()


def _lacked_space_lately(var_dir: Path) -> bool:
    try:
        noted_at = (var_dir / NO_SPACE).stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= time.time() - noted_at < SHORT_FOR_S  # noted later than now: the clock was set back


def usable_cores() -> int:
    """Those that this process may use: a container or `taskset` may leave it fewer than there are."""
    return len(os.sched_getaffinity(0))


def _sandbox_note(kind: SandboxKind) -> str:
    try:
        find_sandbox(kind)
    except StageError as error:
        return str(error)
    except OSError as error:
        return f"the sandbox could not be tried: {error.strerror}"
    return ""
