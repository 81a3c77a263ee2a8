"""What a worker shows of itself and of its machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

from simcrate import __version__
from simcrate.errors import SimulationError
from simcrate.simulators import SandboxKind, find_sandbox
from simcrate.worker.port import WorkerFacts


def gather_facts(
    var_dir: Path,
    sandbox_kind: SandboxKind,
    tags: frozenset[str],
    *,
    tasks: int,
    least_free_bytes: int,
) -> WorkerFacts:
    """As they are now; whether the sandbox works is found out once."""
    disk_free_bytes = shutil.disk_usage(var_dir).free
    return WorkerFacts(
        version=__version__,
        sandbox=sandbox_kind,
        sandbox_note=_sandbox_note(sandbox_kind),
        tags=tags,
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        disk_free_bytes=disk_free_bytes,
        is_short_of_disk=disk_free_bytes < least_free_bytes,
        tasks=tasks,
    )


def usable_cores() -> int:
    """Those that this process may use: a container or `taskset` may leave it fewer than there are."""
    return len(os.sched_getaffinity(0))


def _sandbox_note(kind: SandboxKind) -> str:
    try:
        find_sandbox(kind)
    except SimulationError as error:
        return str(error)
    return ""
