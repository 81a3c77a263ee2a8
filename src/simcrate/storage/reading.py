"""Read a crate in the spool for an upload, and notice when it changes meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from simcrate.errors import StorageIntegrityError
from simcrate.storage.base import Source


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A crate that is being read."""

    source: Source
    file: BinaryIO
    _before: tuple[int, int]

    def pieces(self, start: int, end: int, *, piece_bytes: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces.

        Raises:
            StorageIntegrityError: the file ends before that.
        """
        self.file.seek(start)
        while start < end:
            piece = self.file.read(min(piece_bytes, end - start))
            if not piece:
                raise _changed()
            start += len(piece)
            yield piece

    def require_unchanged(self) -> None:
        """Compare size and modification time with those at opening.

        Raises:
            StorageIntegrityError: they moved.
        """
        if _look(self.file) != self._before:
            raise _changed()


@contextmanager
def open_source(source: Source) -> Iterator[OpenSource]:
    """Open a crate for reading; call `require_unchanged` before the last step that makes it final.

    Raises:
        StorageIntegrityError: it has not the size that was announced, or cannot be read.
    """
    try:
        file = source.path.open("rb")
    except OSError as error:
        message = (
            f"could not read the crate from the spool: {error.strerror}; it must be packed again"
        )
        raise StorageIntegrityError(message, detail=str(source.path)) from error
    with file:
        before = _look(file)
        if before[0] != source.size_bytes:
            raise _changed()
        yield OpenSource(source, file, before)


def _look(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _changed() -> StorageIntegrityError:
    return StorageIntegrityError(
        "the crate changed in the spool while it was uploaded; nothing was stored, pack it again"
    )
