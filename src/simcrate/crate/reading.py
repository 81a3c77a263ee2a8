"""Where a crate is read from: bytes of known length, wherever they are."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from simcrate.errors import BadInputError, CrateError


class Bytes(Protocol):
    """Bytes of known length, readable at any place by several threads."""

    name: str
    size_bytes: int

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at [offset, offset + size), fewer at the end.

        Raises:
            CrateError: they cannot be read.
        """


@contextmanager
def open_crate(where: Path | str) -> Iterator[Bytes]:
    """The bytes of a crate.

    Args:
        where: a file, or an http or https URL.

    Raises:
        BadInputError: there is no such file or the server says that there is none.
        CrateError: the server does not answer.
    """
    if isinstance(where, str) and where.startswith(("http://", "https://")):
        from simcrate.crate.remote import open_url  # loads httpx, which files do not need

        with open_url(where) as remote:
            yield remote
        return
    with _open_file(Path(where)) as local:
        yield local


class LocalBytes:
    """A file's bytes."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self.size_bytes = file.seek(0, os.SEEK_END)
        self._descriptor = file.fileno()

    def read(self, offset: int, size: int) -> bytes:
        """See `Bytes`."""
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            message = f"could not read {self.name!r}: {error.strerror}"
            raise CrateError(message) from error


class BytesFile(io.RawIOBase):
    """Bytes as a file object, for libraries that want one."""

    def __init__(self, source: Bytes) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As files do."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size_bytes}
        if base[whence] + offset < 0:
            message = "a position before the start"
            raise OSError(message)
        self._position = base[whence] + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """As files do."""
        remaining = max(0, self._source.size_bytes - self._position)
        count = remaining if size is None or size < 0 else min(size, remaining)
        data = self._source.read(self._position, count)
        self._position += len(data)
        return data


@contextmanager
def _open_file(path: Path) -> Iterator[Bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        message = f"could not open {path.name!r}: {error.strerror}; give a crate's file or URL"
        raise BadInputError(message, detail=str(error)) from error
    with file:
        yield LocalBytes(path.name, file)
