"""Validate a `.vci` index against the data that it is about, at the cost of the index.

An index is believed when all of this holds; otherwise the data are read and the index is made anew, in
memory:

1. The size in its fingerprint is that of the `.vec`.  The modification time may differ, as it does after
   copying; then more blocks are counted in step 5.  A blank fingerprint means that the run goes on or was
   killed: blocks that end behind the last whole line are dropped, and what follows the last one is read.
2. Blocks do not overlap, and whatever lies between them is read and has no samples.
3. Every block, or of very many so many evenly spread ones, begins, at the begin of a line, with a sample
   of its vector at the time it says, after the vector's declaration.
4. Each block's numbers can be true: at least one sample, no more samples than its bytes can hold, times
   in order, minimum not above maximum, the sum between what they allow.
5. Some blocks, the shortest of so many equal parts of the file, are counted: count, times, minimum,
   maximum and sums are the data's.

What this leaves to trust are the sums in blocks that were not counted.  Whoever reads a vector compares
the count once more, and every sample's vector and time are checked in any case.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simcrate.errors import ResultFormatError
from simcrate.results.blocks import Blocks, summarise
from simcrate.results.chunks import Range, read_chunks
from simcrate.results.datalines import FLOATS
from simcrate.results.declarations import Declaration, DeclaredVectors
from simcrate.results.samplecheck import SampleCheck
from simcrate.results.timeorder import LATEST_S
from simcrate.results.vectorindex import UnusableIndexError, VectorIndex, read_index
from simcrate.results.vectorscan import VectorScan

HEADS = 4096
"""How many blocks are looked at in step 3."""

COUNTED_BLOCKS = 2
"""How many blocks are counted in step 5 when the fingerprint fits."""

COUNTED_BLOCKS_STALE = 16
"""The same, when the modification time does not."""

_SHORTEST_SAMPLE_BYTES = len("0\t0\t0\n")
_LONGEST_HEAD_BYTES = 96  # of a data line: number, event and time, some 20 digits each
_RELATIVE_ERROR = 1e-9  # of a sum of rounded values; real ones are written with 14 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIndex:
    """An index that can be believed."""

    declared: DeclaredVectors
    blocks: Blocks
    is_stale: bool
    """The modification time does not fit."""

    is_open: bool
    """The fingerprint is blank."""


def check_index(vec_path: Path, vci_path: Path, end: int) -> CheckedIndex:
    """Read and validate an index.

    Args:
        vec_path: the data.
        vci_path: the index.
        end: where the last whole line of the data ends.

    Raises:
        UnusableIndexError: there is none, or it cannot be believed.
    """
    index = read_index(vci_path)
    status = vec_path.stat()
    if index.size_bytes not in (None, status.st_size):
        message = f"it was written for {index.size_bytes} bytes of data, there are {status.st_size}"
        raise UnusableIndexError(message)
    is_stale = index.mtime_s not in (None, int(status.st_mtime))
    try:
        declared, blocks = _fill_gaps(vec_path, index, end)
    except ResultFormatError as error:
        message = f"between its blocks there is something wrong ({error})"
        raise UnusableIndexError(message) from error
    _check_plausible(blocks)
    _check_heads(vec_path, declared, blocks)
    _check_numbers(vec_path, declared, blocks, COUNTED_BLOCKS_STALE if is_stale else COUNTED_BLOCKS)
    return CheckedIndex(
        declared=declared,
        blocks=_fill_in_extremes(vec_path, declared, blocks),
        is_stale=is_stale,
        is_open=index.size_bytes is None,
    )


def _fill_gaps(path: Path, index: VectorIndex, end: int) -> tuple[DeclaredVectors, Blocks]:
    """Read what lies between the blocks: the declarations, and samples that came after the index."""
    begins = index.table.column("offset").to_numpy()
    ends = begins + index.table.column("length").to_numpy()
    is_open = index.size_bytes is None
    written = ends <= end
    if not (written.all() or is_open):
        message = f"it has a block that ends at byte {ends.max()}, the data end at {end}"
        raise UnusableIndexError(message)
    order = np.argsort(begins[written], kind="stable")
    begins, ends = begins[written][order], ends[written][order]
    gap_begins, gap_ends = np.concatenate(([0], ends)), np.concatenate((begins, [end]))
    if (gap_ends < gap_begins).any() or (begins >= ends).any():
        message = "its blocks overlap"
        raise UnusableIndexError(message)
    scan = VectorScan(path)
    gaps = zip(gap_begins.tolist(), gap_ends.tolist(), strict=True)
    scan.read(Range(begin, finish - begin) for begin, finish in gaps if finish > begin)
    scan.check_version()
    further = scan.blocks
    if len(further) and not (is_open and further.offset.min() >= gap_begins[-1]):
        message = f"it leaves out samples at byte {further.offset.min()}"
        raise UnusableIndexError(message)
    blocks = index.blocks(scan.declared)
    return scan.declared, Blocks.concatenate(
        [blocks.take(blocks.offset + blocks.length <= end), further]
    )


def _check_plausible(blocks: Blocks) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        slack = _RELATIVE_ERROR * blocks.count * np.maximum(np.abs(blocks.min), np.abs(blocks.max))
        possible = (
            (blocks.count >= 1)
            & (blocks.count * _SHORTEST_SAMPLE_BYTES <= blocks.length)
            & (blocks.first_time_s <= blocks.last_time_s)
            & (blocks.last_time_s < LATEST_S)
            & ~(blocks.sum < blocks.count * blocks.min - slack)
            & ~(blocks.sum > blocks.count * blocks.max + slack)
            & (np.isnan(blocks.sum) | (blocks.min <= blocks.max))
        )
    if not possible.all():
        message = (
            f"the numbers of its block at byte {blocks.offset[possible.argmin()]} cannot be true"
        )
        raise UnusableIndexError(message)
    order = np.argsort(blocks.row, kind="stable")
    row, first, last = blocks.row[order], blocks.first_time_s[order], blocks.last_time_s[order]
    if ((row[1:] == row[:-1]) & (first[1:] < last[:-1])).any():
        message = "the times of a vector's blocks decrease"
        raise UnusableIndexError(message)


def _check_heads(path: Path, declared: DeclaredVectors, blocks: Blocks) -> None:
    vectors = declared.vectors
    spread = blocks.take(np.arange(0, len(blocks), math.ceil(len(blocks) / HEADS) or 1))
    columns = (spread.row.tolist(), spread.offset.tolist(), spread.first_time_s.tolist())
    with path.open("rb") as stream:
        descriptor = stream.fileno()
        for row, offset, time_s in zip(*columns, strict=True):
            head = os.pread(descriptor, _LONGEST_HEAD_BYTES, max(offset - 1, 0))
            if offset < vectors[row].offset or not _begins(head, vectors[row], time_s):
                message = f"the data at byte {offset} are not those that it says"
                raise UnusableIndexError(message)


def _begins(head: bytes, vector: Declaration, time_s: float) -> bool:
    """Whether a line, after the end of another one, is a sample of a vector at a time."""
    if head[:1] != b"\n":
        return False
    tokens = head[1:].split(None, 3 if vector.has_events else 2)
    try:
        return (
            int(tokens[0]) == vector.id and float(tokens[2 if vector.has_events else 1]) == time_s
        )
    except (ValueError, IndexError):
        return False


def _check_numbers(path: Path, declared: DeclaredVectors, blocks: Blocks, parts: int) -> None:
    for part in np.array_split(np.arange(len(blocks)), min(parts, len(blocks)) or 1):
        if len(part):
            said = blocks.take(part[[blocks.length[part].argmin()]])
            if not _agree(said, _count(path, declared, said)):
                message = (
                    f"the numbers of its block at byte {said.offset[0]} are not those of the data"
                )
                raise UnusableIndexError(message)


def _fill_in_extremes(path: Path, declared: DeclaredVectors, blocks: Blocks) -> Blocks:
    """Count the blocks whose extremes the simulator wrote as NaN, as it does where NaN comes first."""
    unknown = np.isnan(blocks.min) | np.isnan(blocks.max)
    if not unknown.any():
        return blocks
    counted = [_count(path, declared, blocks.take(np.array([n]))) for n in np.flatnonzero(unknown)]
    return Blocks.concatenate([blocks.take(~unknown), *counted])


def _count(path: Path, declared: DeclaredVectors, said: Blocks) -> Blocks:
    """Make a block anew from its data."""
    check = SampleCheck(path)
    check.declare(declared)
    parts = []
    try:
        for chunk in read_chunks(path, said.ranges()):
            table, rows = check.parse(chunk, FLOATS)
            times, values = (table.column(name).to_numpy() for name in ("time", "value"))
            nowhere = np.zeros(len(rows), np.int64)
            parts.append(summarise(rows, times, values, offsets=nowhere, lengths=nowhere))
    except ResultFormatError as error:
        message = f"its block at byte {said.offset[0]} is not data ({error})"
        raise UnusableIndexError(message) from error
    found = Blocks.concatenate(parts)
    if not len(found) or (found.row != said.row[0]).any():
        message = f"its block at byte {said.offset[0]} has samples of another vector"
        raise UnusableIndexError(message)
    return replace(found.joined(), offset=said.offset, length=said.length)


def _agree(said: Blocks, found: Blocks) -> bool:
    exact = ("count", "first_time_s", "last_time_s")
    scale = max(abs(float(found.min[0])), abs(float(found.max[0])))
    count = int(said.count[0])  # Python's numbers overflow to infinity without a warning
    rounded = {"sum": scale * count, "sqrsum": scale * scale * count}
    if not np.isnan(said.min[0]):
        rounded |= {"min": scale, "max": scale}
    return all(getattr(said, name)[0] == getattr(found, name)[0] for name in exact) and all(
        _close(float(getattr(said, name)[0]), float(getattr(found, name)[0]), size)
        for name, size in rounded.items()
    )


def _close(said: float, found: float, scale: float) -> bool:
    if math.isnan(found) or math.isnan(said):
        return math.isnan(found) and math.isnan(said)
    return said == found or abs(said - found) <= _RELATIVE_ERROR * scale
