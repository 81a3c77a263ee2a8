"""What was written is there after a power cut, and whole.

Knows nothing of what is written.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

AT_A_TIME = 16  # the kernel makes one flush of the disk out of those that wait together


@contextmanager
def replacing(target: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file `target` when the block ends well, and nothing when it does not.

    It stands beside the target until then, so that nobody sees half of it.

    Args:
        target: whether or not it exists; its directory does.
        mode: of the file, less the umask, from the first byte on.

    Raises:
        OSError: it cannot be written there.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    flush(target.parent)


def replace_file(target: Path, content: bytes, *, mode: int = 0o666) -> None:
    """The same for content that is at hand.

    Raises:
        OSError: it cannot be written there.
    """
    with replacing(target, mode=mode) as stream:
        stream.write(content)


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
