"""Who holds a lease: a machine and a process on it."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

from simcrate.simulators import ProcessIdentity

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
    """The lease owner that this process is: `machine/pid/…`."""
    return f"{machine}/{ProcessIdentity.of(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Whether that owner, of this machine, still runs, as far as can be told.

    One in another container, or one whose name another version wrote, gets the benefit of the doubt: its
    lease ends by itself when it beats no more.
    """
    _, _, name = owner.partition("/")
    try:
        return not ProcessIdentity.from_text(name).has_ended()
    except ValueError:
        return True
