"""What was written is there after a power cut.

Knows nothing of what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def flush(path: Path) -> None:
    """Wait until a file's bytes, or a directory's names, are on the disk.

    Raises:
        OSError: it is not there, or the disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_all(paths: Iterable[Path], *, below: Path) -> None:
    """Flush files and directories, and the directories on the way to them.

    Args:
        paths: directories without what is in them.
        below: the directory from which on the way is flushed.

    Raises:
        OSError: one is not there, or the disk failed.
    """
    paths = set(paths)
    way = {parent for path in paths for parent in path.parents if parent.is_relative_to(below)}
    for path in (*paths, *way):
        flush(path)
