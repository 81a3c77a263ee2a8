"""One request's bytes on their way into an unfinished upload; runs in threads."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from simcrate.localcloud.blobs import NO_SPACE, Hash, begin_flush
from simcrate.localcloud.digests import Checksum
from simcrate.localcloud.problems import Problem

FLUSH_BYTES = 16 << 20  # the disk begins with so many at a time


class Writer:
    """Appends one request's bytes to an upload, hashing as it goes; runs in threads."""

    def __init__(
        self, path: Path, *, size_bytes: int, running: Hash, checksum: Checksum | None
    ) -> None:
        """Open the file.

        Args:
            path: the unfinished upload; made if absent.
            size_bytes: what it may grow to.
            running: the SHA-256 of what it has.
            checksum: what the bytes of this request must have; None: anything.
        """
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._start = os.fstat(self._descriptor).st_size
        self.offset = self._start
        self.running = running
        self._before = running.copy()
        self._size_bytes = size_bytes
        self._flushing = self._start
        self._checksum = checksum
        self._part = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None

    def write(self, data: bytes | bytearray) -> None:
        """Append all of it.

        Raises:
            Problem: `too-large` beyond the announced size; `full`, and the file is then as it was
                before this request.
        """
        if self.offset + len(data) > self._size_bytes:
            message = f"more bytes came than the {self._size_bytes} announced"
            raise Problem("too-large", message)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._undo()
            if error.errno in NO_SPACE:
                raise Problem("full", "the disk became full while this was received") from error
            raise
        self.running.update(data)
        if self._part is not None:
            self._part.update(data)
        self.offset += len(data)
        if self.offset - self._flushing >= FLUSH_BYTES:
            begin_flush(self._descriptor, self._flushing, self.offset)
            self._flushing = self.offset

    def end(self, rest: bytearray) -> None:
        """Append the rest and compare the checksum; drop all of this request if it differs."""
        self.write(rest)
        if self._part is None or self._checksum is None:
            return
        if (seen := self._part.hexdigest()) != self._checksum.hex:
            self._undo()
            message = f"these bytes have {self._checksum.algorithm} {seen}; send them again"
            raise Problem("checksum-mismatch", message, members={"offset": self.offset})

    def break_off(self, rest: bytearray) -> None:
        """Keep what arrived before the connection broke, unless it had to have a checksum."""
        if self._part is None:
            self.write(rest)
        else:
            self._undo()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _undo(self) -> None:
        os.ftruncate(self._descriptor, self._start)
        self.offset = self._start
        self.running = self._before.copy()
