"""Write `.vec` files of any size and shape, with the `.vci` index that a simulator would leave."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

_BATCH_SAMPLES = 1 << 20
_WRITING = pyarrow.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
_HEADER = "run Bench-0-20260101-00:00:00-1\nattr configname Bench\nattr repetition 0\n\n"

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Batch = tuple[Integers, Integers, Floats, Floats]
"""Vectors, events, times, values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a file looks like; about 35 bytes a sample."""

    vectors: int
    blocks: int
    samples_per_block: int

    @property
    def samples(self) -> int:
        return self.blocks * self.samples_per_block


def write(path: Path, shape: Shape) -> Path:
    """Write a file with blocks of one vector after the other, as buffers fill in a simulator."""
    declarations = "".join(
        f"vector {n} Net.host[{n}].app delay{n % 7}:vector ETV\nattr interpolationmode none\nattr unit s\n"
        for n in range(shape.vectors)
    )
    index = io.StringIO()
    with path.open("wb") as stream:
        stream.write(f"version 3\n{_HEADER}{declarations}".encode())
        for batch in _batches(shape):
            _write_batch(stream, index, batch, shape.samples_per_block)
        size = stream.tell()
    mtime = int(path.stat().st_mtime)
    os.utime(path, (mtime, mtime))
    fingerprint = f"file {size} {mtime}".ljust(64)
    path.with_suffix(".vci").write_text(
        f"{fingerprint}\nversion 3\n{_HEADER}{declarations}{index.getvalue()}", encoding="utf-8"
    )
    return path


def _batches(shape: Shape) -> Iterator[Batch]:
    random = np.random.default_rng(1)
    per_batch = max(1, _BATCH_SAMPLES // shape.samples_per_block)
    now_s = 0.0
    for first in range(0, shape.blocks, per_batch):
        blocks = np.arange(first, min(first + per_batch, shape.blocks))
        count = len(blocks) * shape.samples_per_block
        times = np.round(now_s + np.cumsum(random.exponential(0.001, count)), 12)
        now_s = float(times[-1])
        ids = np.repeat(blocks % shape.vectors, shape.samples_per_block)
        delays, lengths = random.exponential(0.05, count), random.integers(0, 60, count)
        values = np.where(ids % 3 == 0, np.round(delays, 12), lengths)  # as in real files
        events = np.arange(first * shape.samples_per_block, first * shape.samples_per_block + count)
        yield ids, events, times, values


def _write_batch(
    stream: io.BufferedWriter,
    index: io.StringIO,
    batch: Batch,
    samples_per_block: int,
) -> None:
    ids, events, times, values = batch
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(pa.table(list(batch), list("ietv")), sink, _WRITING)
    data = sink.getvalue()
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    offset = stream.tell()
    begin = 0
    for first in range(0, len(ids), samples_per_block):
        last = first + samples_per_block - 1
        part = values[first : last + 1]
        end = int(ends[last])
        index.write(
            f"{ids[first]}\t{offset + begin} {end - begin} {events[first]} {events[last]} "
            f"{float(times[first])!r} {float(times[last])!r} {samples_per_block} {part.min():.14g} "
            f"{part.max():.14g} {part.sum():.14g} {(part * part).sum():.14g}\n"
        )
        begin = end
    stream.write(memoryview(data))
