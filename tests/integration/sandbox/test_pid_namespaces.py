"""Owners in two containers that share a var directory: neither takes the other for dead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simcrate.worker.identity import is_alive, owner_name

pytestmark = pytest.mark.services

INSIDE = ("bwrap", "--bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--dev", "/dev")
SCRIPT = """
import sys
from simcrate.worker.identity import is_alive, owner_name
print(owner_name("lab"), is_alive(owner_name("lab")), is_alive(sys.argv[1]))
"""


def test_what_cannot_be_seen_from_a_container_is_not_dead() -> None:
    outside = owner_name("lab")
    done = subprocess.run(
        [*INSIDE, sys.executable, "-c", SCRIPT, outside],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path("/"),
    )
    inside, sees_itself, sees_us = done.stdout.split()

    assert inside != outside
    assert (sees_itself, sees_us) == ("True", "True")
    assert is_alive(inside)
