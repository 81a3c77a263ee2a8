"""What was written is there after a power cut.

Knows nothing of what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_A_TIME = 16  # the kernel makes one flush of the disk out of those that wait together


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

    One by one and not the file system as a whole (syncfs(2)): that waits for what everybody else is writing,
    and a write that failed is told to whoever asks first.

    Args:
        paths: directories without what is in them.
        below: the directory from which on the way is flushed.

    Raises:
        OSError: one is not there, or the disk failed.
    """
    paths = set(paths)
    directories = {path.parent for path in paths}
    on_the_way = {way for directory in directories for way in (directory, *directory.parents)}
    above = {way for way in on_the_way if way.is_relative_to(below)}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for flushed in [pool.submit(flush, path) for path in paths | above]:
            flushed.result()
