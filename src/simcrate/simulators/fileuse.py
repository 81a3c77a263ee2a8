"""What a program keeps in files, those without a name included.

A file that was deleted takes its space for as long as a process has it open, and one of memfd_create(2) lies
in memory without ever having had a name.  What no directory and no descriptor shows is not seen: a deleted
file that is only mapped, or on its way through a socket.

Source: proc(5), `/proc/<pid>/fd`; stat(2).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BLOCK_BYTES = 512  # what stat(2) counts in
_IN_MEMORY = "/memfd:"
_GONE = {errno.ENOENT, errno.ENOTDIR}  # files may go at any moment


@dataclass(slots=True)
class FileUse:
    """What was found in one look."""

    disk_bytes: int = 0
    """As they lie on the disk; holes of sparse files do not count."""
    memory_bytes: int = 0
    """Of files that lie in memory."""
    entries: int = 0
    """Names in directories, and open descriptors."""
    uncounted: str = ""
    """Why there may be more; empty: there is not."""


def measure_files(directory: Path, pids: Iterable[int], *, most_entries: float) -> FileUse:
    """Look through a directory, and through what processes have open of files without a name.

    Args:
        directory: everything below it counts.
        pids: the processes; a file without a name counts if it belongs to the owner of the directory.
        most_entries: the look ends there.
    """
    use = FileUse()
    with suppress(FileNotFoundError):
        _count_nameless(pids, directory.stat().st_uid, use, most_entries)
    _count_named(directory, use, most_entries)
    if use.entries > most_entries:
        use.uncounted = f"there are more than {most_entries:,} files"
    return use


def file_size(path: Path | os.DirEntry[str]) -> int:
    """Bytes on disk of one file, link or directory; 0 where it is gone."""
    try:
        return path.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
    except OSError:
        return 0


def _count_named(directory: Path, use: FileUse, most_entries: float) -> None:
    pending = [os.fspath(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    use.entries += 1
                    if use.entries > most_entries:
                        return
                    use.disk_bytes += file_size(entry)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError as error:  # its path is too long, or it is closed to us
            if error.errno not in _GONE:
                use.uncounted = f"a directory cannot be looked into ({error.strerror})"


def _count_nameless(pids: Iterable[int], owner: int, use: FileUse, most_entries: float) -> None:
    seen: set[tuple[int, int]] = set()
    for descriptor in _descriptors(pids):
        use.entries += 1
        if use.entries > most_entries:
            return
        with suppress(OSError):  # closed by now
            status = descriptor.stat()
            identity = status.st_dev, status.st_ino
            is_nameless = stat.S_ISREG(status.st_mode) and not status.st_nlink
            if is_nameless and status.st_uid == owner and identity not in seen:
                seen.add(identity)
                _add_nameless(descriptor, status.st_blocks * _BLOCK_BYTES, use)


def _descriptors(pids: Iterable[int]) -> Iterable[os.DirEntry[str]]:
    for pid in pids:
        with (
            suppress(OSError),
            os.scandir(f"/proc/{pid}/fd") as entries,
        ):  # it may end at any moment
            yield from entries


def _add_nameless(descriptor: os.DirEntry[str], size_bytes: int, use: FileUse) -> None:
    if Path(descriptor.path).readlink().as_posix().startswith(_IN_MEMORY):
        use.memory_bytes += size_bytes
    else:
        use.disk_bytes += size_bytes
