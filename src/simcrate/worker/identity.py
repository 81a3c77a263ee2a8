"""Who holds a lease: machine, process, and when that process started.

The start time tells a worker from a stranger that was given the same pid after a restart.
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import psutil

MACHINE_FILE = "machine"


def machine_name(var_dir: Path) -> str:
    """The name of this machine's var directory, made at first use and kept.

    Not the host name alone: two var directories on one host are two machines to the ledger.
    """
    path = var_dir / MACHINE_FILE
    if not path.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{MACHINE_FILE}.{os.getpid()}")
        partial.write_text(f"{socket.gethostname()}-{secrets.token_hex(4)}")
        try:
            path.hardlink_to(partial)  # the first of two that start together names it
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return path.read_text()


def owner_name(machine: str) -> str:
    """The lease owner that this process is."""
    process = psutil.Process()
    return f"{machine}/{process.pid}/{process.create_time():.2f}"


def is_alive(owner: str) -> bool:
    """Whether that owner, of this machine, still runs."""
    _, pid, started = owner.rsplit("/", 2)
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) < 1.0
    except psutil.NoSuchProcess:
        return False
