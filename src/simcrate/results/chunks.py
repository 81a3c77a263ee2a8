"""Cut ranges of a file into chunks of whole lines that fit in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcrate.errors import ResultFormatError
from simcrate.results.text import MAX_LINE_BYTES

CHUNK_BYTES = 8 << 20
"""Large enough that the work for one chunk, some milliseconds, does not show."""

_TAIL_BYTES = 4096  # holds the last line of nearly every file


class Range(NamedTuple):
    """A piece of a file that begins and ends at the ends of lines."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines from one or more places of a file."""

    data: pa.Buffer
    ranges: tuple[Range, ...]
    """Where in the file the lines come from."""

    def offset(self, position: int) -> int:
        """The place in the file of a position in the data."""
        return int(self.offsets(np.array([position]))[0])

    def offsets(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The places in the file of positions in the data."""
        begins = np.cumsum([0, *(piece.length for piece in self.ranges[:-1])])
        shifts = np.array([piece.offset for piece in self.ranges]) - begins
        places: npt.NDArray[np.int64] = (
            positions + shifts[np.searchsorted(begins, positions, side="right") - 1]
        )
        return places


def read_chunks(
    path: Path, ranges: Iterable[Range], chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """Read ranges of a file in the given order, cut at the ends of lines.

    Args:
        path: the file.
        ranges: what to read; neighbours are read at once.
        chunk_bytes: no chunk is larger, unless MAX_LINE_BYTES is.

    Raises:
        ResultFormatError: the file has become shorter, or has a line longer than MAX_LINE_BYTES.
    """
    with path.open("rb") as stream:
        parts: list[pa.Buffer] = []
        places: list[Range] = []
        held_bytes = 0
        for data, place in _cut(merge_ranges(ranges), chunk_bytes, stream.fileno(), path):
            if parts and held_bytes + data.size > chunk_bytes:
                yield _chunk(parts, places)
                parts, places, held_bytes = [], [], 0
            parts.append(data)
            places.append(place)
            held_bytes += data.size
        if parts:
            yield _chunk(parts, places)


def merge_ranges(ranges: Iterable[Range]) -> Iterator[Range]:
    """Join ranges, given in the order of the file, that follow each other directly or overlap."""
    current: Range | None = None
    for piece in ranges:
        if current is not None and piece.offset <= current.offset + current.length:
            end = max(current.offset + current.length, piece.offset + piece.length)
            current = Range(current.offset, end - current.offset)
            continue
        if current is not None:
            yield current
        current = piece
    if current is not None:
        yield current


def line_number(path: Path, offset: int) -> int:
    """The number, from 1, of the line that begins at a place in a file."""
    number = 1
    with path.open("rb") as stream:
        while offset > 0 and (data := stream.read(min(offset, CHUNK_BYTES))):
            number += data.count(b"\n")
            offset -= len(data)
    return number


def format_error(path: Path, message: str, offset: int) -> ResultFormatError:
    """The error about the line at a place in a file."""
    return ResultFormatError(message, file=path, line=line_number(path, offset))


def end_of_last_line(path: Path) -> int:
    """Where the last whole line of a file ends; 0 if there is none.

    Raises:
        ResultFormatError: there is no end of a line near the end of the file.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        for tail_bytes in (_TAIL_BYTES, MAX_LINE_BYTES):
            begin = max(size - tail_bytes, 0)
            found = os.pread(stream.fileno(), tail_bytes, begin).rfind(b"\n")
            if found >= 0 or begin == 0:
                return begin + found + 1
    raise _too_long(path, size - MAX_LINE_BYTES)


def _cut(
    ranges: Iterable[Range], chunk_bytes: int, descriptor: int, path: Path
) -> Iterator[tuple[pa.Buffer, Range]]:
    step = max(chunk_bytes, MAX_LINE_BYTES)
    for piece in ranges:
        offset, end = piece.offset, piece.offset + piece.length
        while offset < end:
            data = os.pread(descriptor, min(step, end - offset), offset)
            kept = len(data) if offset + len(data) == end else data.rfind(b"\n") + 1
            if not kept:
                raise _too_long(path, offset) if data else _too_short(path)
            yield pa.py_buffer(data).slice(0, kept), Range(offset, kept)
            offset += kept


def _chunk(parts: list[pa.Buffer], places: list[Range]) -> Chunk:
    data = parts[0] if len(parts) == 1 else pa.py_buffer(b"".join(parts))
    return Chunk(data, tuple(places))


def _too_long(path: Path, offset: int) -> ResultFormatError:
    message = f"expected lines of at most {MAX_LINE_BYTES} bytes, found a longer one"
    return format_error(path, message, offset)


def _too_short(path: Path) -> ResultFormatError:
    message = "expected more data, but the file has become shorter while it was read; read it again"
    return ResultFormatError(message, file=path)
