"""Write a zip in one pass: blocks are compressed on threads and written in order, digests taken on the way.

Knows nothing of crates.  The same files in the same order give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import BinaryIO

from simcrate.crate.deflate import (
    BLOCK_BYTES,
    Block,
    combine_crc,
    deflate,
    deflate_last,
    is_compressed,
    squeeze,
    store,
)
from simcrate.crate.zipformat import Entry, end_records
from simcrate.errors import CrateError

BLOCKS_IN_FLIGHT_PER_THREAD = 4  # keeps threads busy while one long block is waited for
THREAD_FROM_BYTES = 16 << 10  # handing a smaller file to a thread costs more than packing it


@dataclass(frozen=True, slots=True)
class _Pending:
    """A block on its way: packed by a thread, or when its turn comes."""

    packed: Callable[[], Block]
    member: _Member
    is_first: bool
    is_last: bool


@dataclass(slots=True)
class _Member:
    """A member whose blocks are being packed and written."""

    name: bytes
    size_bytes: int
    started_bytes: int = 0
    is_stored: bool = False
    announced_crc: int = 0
    """Of all blocks, for the header of a long one that is stored."""
    entry: Entry | None = None
    crc: int = 0
    """Of the blocks that were written."""

    @property
    def is_long(self) -> bool:
        """Whether it has several blocks, so that its header is written before the others are packed."""
        return self.size_bytes > BLOCK_BYTES

    @property
    def is_streamed(self) -> bool:
        """Whether CRC and packed size stand behind it.

        Never of what is stored: who unpacks that from a pipe guesses by its bytes where it ends.
        """
        return self.is_long and not self.is_stored


class ZipWriter:
    """A zip that is being written.

    Args:
        file: where it goes; only ever appended to.
        threads: how many compress.
        written: called with the number of bytes (before compression) as they are written.
    """

    def __init__(self, file: BinaryIO, *, threads: int, written: Callable[[int], None]) -> None:
        self._file = file
        self._written = written
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="deflate")
        self._window = threads * BLOCKS_IN_FLIGHT_PER_THREAD
        self._pending: deque[_Pending] = deque()
        self._entries: list[Entry] = []
        self._digest = hashlib.sha256()
        self._offset = 0

    def __enter__(self) -> ZipWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(
        self, name: str, size_bytes: int, blocks: Iterable[bytes], crc: Callable[[], int]
    ) -> str:
        """Append a member.

        Args:
            name: its name.
            size_bytes: its size.
            blocks: its bytes, in blocks of `BLOCK_BYTES` but for the last one, `size_bytes` together.
            crc: their CRC-32, asked for where several blocks are stored; then they are read twice.

        Returns:
            SHA-256 of its bytes, lower-case hexadecimal.

        Raises:
            CrateError: the blocks have another CRC than was said.
        """
        digest = hashlib.sha256()
        member = _Member(name.encode(), size_bytes)
        for block in blocks if size_bytes else (b"",):
            digest.update(block)
            self._pending.append(self._start(member, block, crc))
            self._drain(self._window)
        return digest.hexdigest()

    def finish(self) -> None:
        """Write what is pending, and the central directory."""
        self._drain(0)
        start = self._offset
        for entry in self._entries:
            self._write(entry.central_header())
        self._write(end_records(self._entries, start=start, end=self._offset))

    @property
    def members(self) -> int:
        """How many members were written so far."""
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """How much was written so far."""
        return self._offset

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written so far, lower-case hexadecimal."""
        return self._digest.hexdigest()

    def _start(self, member: _Member, data: bytes, crc: Callable[[], int]) -> _Pending:
        is_first = member.started_bytes == 0
        if is_first:
            member.is_stored = is_compressed(data)
            if member.is_stored and member.is_long:
                member.announced_crc = crc()
        member.started_bytes += len(data)
        is_last = member.started_bytes == member.size_bytes
        pack = _packing(member, is_last=is_last)
        if member.size_bytes < THREAD_FROM_BYTES:
            return _Pending(partial(pack, data), member, is_first, is_last)
        return _Pending(self._pool.submit(pack, data).result, member, is_first, is_last)

    def _drain(self, keep: int) -> None:
        while len(self._pending) > keep:
            self._append(self._pending.popleft())

    def _append(self, pending: _Pending) -> None:
        block, member = pending.packed(), pending.member
        if pending.is_first:
            member.entry = self._open(member, block)
        entry = member.entry
        assert entry is not None
        self._write(block.data)
        member.crc = combine_crc(member.crc, block)
        if member.is_streamed:
            entry.crc = member.crc
            entry.packed_bytes += len(block.data)
        if pending.is_last:
            self._close(entry, member)
        self._written(block.size_bytes)

    def _close(self, entry: Entry, member: _Member) -> None:
        if entry.crc != member.crc:
            message = f"could not pack {member.name.decode()!r}: it changed while it was packed"
            raise CrateError(message)
        self._write(entry.descriptor())

    def _open(self, member: _Member, block: Block) -> Entry:
        entry = Entry(
            name=member.name,
            size_bytes=member.size_bytes,
            method=block.method,
            is_streamed=member.is_streamed,
            offset=self._offset,
        )
        if not member.is_long:
            entry.crc, entry.packed_bytes = block.crc, len(block.data)
        elif member.is_stored:
            entry.crc, entry.packed_bytes = member.announced_crc, member.size_bytes
        self._write(entry.local_header())
        self._entries.append(entry)
        return entry

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._offset += len(data)


def _packing(member: _Member, *, is_last: bool) -> Callable[[bytes], Block]:
    if member.is_stored:
        return store
    if not member.is_streamed:
        return squeeze
    return deflate_last if is_last else deflate
