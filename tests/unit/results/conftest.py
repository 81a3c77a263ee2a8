"""Real result sets, as checked out and as their simulator left them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data" / "omnetpp"

FreshCopy = Callable[[str], Path]


@pytest.fixture
def fresh_copy(tmp_path: Path) -> FreshCopy:
    """Copies a set; modification times are those that the indexes name."""

    def copy(name: str) -> Path:
        target = tmp_path / name
        shutil.copytree(DATA / name, target)
        for index_path in target.glob("*.vci"):
            _, _, mtime = index_path.read_bytes().partition(b"\n")[0].split()
            os.utime(index_path.with_suffix(".vec"), (int(mtime), int(mtime)))
        return target

    return copy
