"""Vector files and their index, written block by block while the simulation runs.

Every block of the index describes lines that are already in the vector file, so a reader finds nothing
that is not there, whenever the simulator is killed.  The first line of the index is blank until the
files are complete.
"""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import BinaryIO

import numpy as np

from simcrate.oppsim.recording.header import (
    VERSION,
    Attributes,
    RunHeader,
    attribute_lines,
    format_time,
    quote,
)

FINGERPRINT_LENGTH = 64
MOST_BUFFERED = 20_000  # samples of all vectors together, about 600 kB of text


class Vector:
    """One vector; values are recorded in the order of time."""

    def __init__(self, number: int, file: VectorFile) -> None:
        self._number = number
        self._file = file
        self._lines: list[str] = []
        self._values = array("d")
        self._bounds: list[tuple[int, str]] = []

    def record(self, event: int, time_s: float, value: float) -> None:
        """Take down a value, which may be NaN."""
        moment = (event, format_time(time_s))
        self._bounds = [self._bounds[0] if self._bounds else moment, moment]
        self._lines.append(f"{self._number}\t{event}\t{moment[1]}\t{value:{self._file.format}}\n")
        self._values.append(value)
        self._file.count_sample()

    def take_block(self) -> tuple[bytes, str] | None:
        """What was recorded since the last call: the lines, and the index entry without their place."""
        if not self._lines:
            return None
        text = "".join(self._lines).encode()
        (first_event, first_time), (last_event, last_time) = self._bounds
        values = np.frombuffer(self._values)
        numbers = (values.min(), values.max(), values.sum(), values @ values)
        summary = " ".join(f"{number:{self._file.format}}" for number in numbers)
        entry = f"{first_event} {last_event} {first_time} {last_time} {len(values)} {summary}\n"
        self._lines = []
        self._values = array("d")
        self._bounds = []
        return text, entry

    @property
    def number(self) -> int:
        """Its identifier in the file."""
        return self._number


class VectorFile:
    """A `.vec` file and the `.vci` file beside it.

    Args:
        path: of the `.vec` file; an older file is replaced.
        header: of the run.
        precision: significant digits of values.

    Raises:
        OSError: the files cannot be written.
    """

    def __init__(self, path: Path, header: RunHeader, *, precision: int = 14) -> None:
        self.format = f".{precision}g"
        self._path = path
        self._vectors: list[Vector] = []
        self._buffered = 0
        self._index_path = path.with_suffix(".vci")
        self._data: BinaryIO = path.open("wb")
        self._index: BinaryIO = self._index_path.open("wb")
        self._size = 0
        start = "".join((f"version {VERSION}\n", *header.lines())).encode()
        self._write(start)
        self._index.write(b" " * FINGERPRINT_LENGTH + b"\n" + start)

    def add(self, module: str, name: str, attributes: Attributes) -> Vector:
        """Declare a vector."""
        vector = Vector(len(self._vectors), self)
        self._vectors.append(vector)
        line = f"vector {vector.number} {quote(module)} {quote(name)} ETV\n"
        declaration = "".join((line, *attribute_lines(attributes))).encode()
        self._write(declaration)
        self._index.write(declaration)
        return vector

    def count_sample(self) -> None:
        """Called by vectors; writes blocks when enough samples wait."""
        self._buffered += 1
        if self._buffered >= MOST_BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write everything recorded so far: first the lines, then the index entries for them."""
        entries = []
        for vector in self._vectors:
            block = vector.take_block()
            if block is not None:
                text, entry = block
                entries.append(f"{vector.number}\t{self._size} {len(text)} {entry}")
                self._write(text)
        self._buffered = 0
        self._data.flush()
        self._index.write("".join(entries).encode())
        self._index.flush()

    def complete(self) -> None:
        """Write the rest, and the line that says that the index belongs to the vector file."""
        self.flush()
        self.close()
        status = self._path.stat()
        fingerprint = f"file {status.st_size} {int(status.st_mtime)}".ljust(FINGERPRINT_LENGTH)
        with self._index_path.open("r+b") as index:
            index.write(fingerprint.encode())
            index.flush()
            os.fsync(index.fileno())

    def close(self) -> None:
        """Close the files as they are; may be called twice."""
        self._data.close()
        self._index.close()

    def _write(self, text: bytes) -> None:
        self._data.write(text)
        self._size += len(text)
