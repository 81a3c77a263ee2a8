"""What SimCrate keeps is for the user that it runs as: its directories are closed to everybody else.

Knows nothing of what is kept.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

PRIVATE_DIR = 0o700
OTHERS = 0o077


def keep_files_private() -> None:
    """Whatever this process and its children make from now on, only their user can read."""
    os.umask(OTHERS)


def make_private_dir(directory: Path) -> None:
    """Make a directory that nobody else can enter, or close the one that is there.

    One of somebody else (a mounted volume), or that is meant to be shared (`/tmp`), is not ours to close;
    what is in it is private by the mask of the process.

    Raises:
        OSError: it cannot be made.
    """
    directory.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    found = directory.stat()
    is_ours = found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX
    if is_ours and found.st_mode & OTHERS:
        directory.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
