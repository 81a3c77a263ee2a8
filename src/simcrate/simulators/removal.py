"""Remove what simulators left: trees of any depth, with directories that nobody may write to.

Removing such a tree by going down into it ends at the longest path, at the most open files or at the deepest
recursion.  Here its directories come up instead, one after the other, and go when they are empty.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path


def remove_tree(directory: Path) -> None:
    """Remove a directory with all that is in it, or what stands in its place; nothing where there is nothing.

    Links are removed and not followed, nor is one in its place; nobody else may be writing there.

    Raises:
        OSError: something could not be removed; the rest may be gone.
    """
    if directory.is_symlink() or not directory.is_dir():
        directory.unlink(missing_ok=True)
        return
    new_names = (directory / f".{secrets.token_hex(8)}-{number}" for number in count())
    pending = [directory]
    while pending:
        emptied = pending.pop()
        pending += _bring_up(emptied, new_names)
        if emptied != directory:
            emptied.rmdir()
    directory.rmdir()


def _bring_up(directory: Path, new_names: Iterator[Path]) -> Iterator[Path]:
    """Empty a directory: files go, the directories in it get new names further up."""
    _open_up(directory)
    with os.scandir(directory) as entries:
        found = list(entries)
    for entry in found:
        path = Path(entry.path)
        if not entry.is_dir(follow_symlinks=False):
            path.unlink()
            continue
        _open_up(path)  # only who may write to a directory may move it elsewhere
        yield path.rename(next(new_names))


def _open_up(directory: Path) -> None:
    """To its owner, as whom the simulator ran where this worker is not root."""
    directory.chmod(0o700)
