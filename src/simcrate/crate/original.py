"""Read a member's file so that it is the file it was, whole and unchanged, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from isal.isal_zlib import crc32

from simcrate.crate.contents import Member
from simcrate.crate.deflate import BLOCK_BYTES
from simcrate.errors import CrateError

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not block the open


class OriginalFile:
    """A member's file, open for one reading.

    Raises:
        CrateError: it is gone, is no regular file any more, or cannot be read.
    """

    def __init__(self, member: Member) -> None:
        self._name = member.name
        self._descriptor = _open(member)
        self._before = os.fstat(self._descriptor)
        if not stat.S_ISREG(self._before.st_mode):
            os.close(self._descriptor)
            raise _changed(self._name, "it is no regular file", member.source)

    def __enter__(self) -> OriginalFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    @property
    def size_bytes(self) -> int:
        """Size when it was opened."""
        return self._before.st_size

    def blocks(self) -> Iterator[bytes]:
        """Its bytes in blocks of `BLOCK_BYTES`; an empty file has none.

        Raises:
            CrateError: it changed while it was read.
        """
        remaining = self.size_bytes
        while remaining:
            block = self._read(min(BLOCK_BYTES, remaining))
            remaining -= len(block)
            if not remaining:
                self._check_unchanged()  # before the last block counts
            yield block

    def crc(self) -> int:
        """CRC-32 of all its bytes, wherever `blocks` has come to.

        Raises:
            CrateError: it cannot be read.
        """
        crc = position = 0
        try:
            while block := os.pread(
                self._descriptor, min(BLOCK_BYTES, self.size_bytes - position), position
            ):
                crc = crc32(block, crc)
                position += len(block)
        except OSError as error:
            raise _changed(self._name, str(error.strerror)) from error
        return crc

    def _read(self, size: int) -> bytes:
        try:
            block = os.read(self._descriptor, size)
            while block and len(block) < size:
                more = os.read(self._descriptor, size - len(block))
                if not more:
                    break
                block += more
        except OSError as error:
            raise _changed(self._name, str(error.strerror)) from error
        if len(block) < size:
            raise _changed(self._name, "it became shorter while it was packed")
        return block

    def _check_unchanged(self) -> None:
        after = os.fstat(self._descriptor)
        if (after.st_size, after.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            raise _changed(self._name, "it changed while it was packed")


def _open(member: Member) -> int:
    try:
        return os.open(member.source, _OPEN)
    except OSError as error:
        raise _changed(member.name, str(error.strerror), member.source) from error


def _changed(name: str, why: str, source: Path | None = None) -> CrateError:
    return CrateError(
        f"could not pack {name!r}: {why}; pack again when nothing writes to it",
        detail=str(source or ""),
    )
