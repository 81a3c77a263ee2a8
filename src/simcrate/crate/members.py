"""Unpack every member of a zip on threads, and say which are not what the zip says of them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from threading import Lock

from isal import isal_zlib

from simcrate.crate.faults import Fault, FaultKind
from simcrate.crate.names import name_fault
from simcrate.crate.reading import Bytes
from simcrate.crate.zipheader import central_faults
from simcrate.crate.zipreader import Directory, Span, ZipFault, locate, unpack

BATCH_BYTES = 4 << 20  # small members go to a thread together
BATCH_MEMBERS = 100
LARGEST_RECORD_BYTES = 256 << 20  # records are held in memory

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, as packed."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A member that could be unpacked."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CheckedMembers:
    """What unpacking all members showed."""

    present: dict[str, int] = field(default_factory=dict)
    """The size that the zip states, of every member, by name."""

    unpacked: dict[str, Unpacked] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """The records that were asked for."""

    faults: list[Fault] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    """Where the members lie, in that order."""


class _Progress:
    """Counts packed bytes, as their unpacked bytes go by on several threads."""

    def __init__(self, report: Progress | None, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0.0
        self._lock = Lock()

    def add(self, info: zipfile.ZipInfo, unpacked_bytes: int) -> None:
        if self._report is not None:
            with self._lock:
                self._done += info.compress_size * unpacked_bytes / (info.file_size or 1)
                self._report(min(round(self._done), self._total), self._total)


def check_members(
    source: Bytes,
    directory: Directory,
    *,
    records: Collection[str],
    threads: int,
    progress: Progress | None,
) -> CheckedMembers:
    """Unpack every member.

    Args:
        source: the zip.
        directory: its directory.
        records: names of the members whose text is wanted.
        threads: how many unpack.
        progress: called with bytes done and bytes in all, as packed; from several threads, one at a
            time.
    """
    in_order = sorted(directory.members, key=lambda info: info.header_offset)
    checked = CheckedMembers()
    checked.present.update({info.filename: info.file_size for info in in_order})
    checked.faults.extend(_header_faults(directory.members))
    safe, faults = _apart(in_order, directory.start)
    checked.faults.extend(faults)
    check = partial(_check_batch, source, frozenset(records), _Progress(progress, directory.start))
    spans: list[Span] = []
    with ThreadPoolExecutor(threads, thread_name_prefix="inflate") as pool:
        for part in pool.map(check, _batches(safe)):
            checked.unpacked.update(part.unpacked)
            checked.texts.update(part.texts)
            checked.faults.extend(part.faults)
            spans.extend(part.spans)
    checked.faults.extend(_gaps(spans, directory))
    return checked


def _header_faults(members: Sequence[zipfile.ZipInfo]) -> Iterator[Fault]:
    seen: set[str] = set()
    for info in members:
        name = info.orig_filename  # as it stands in the zip, before zipfile made it harmless
        if why := name_fault(name.removesuffix("/")):
            yield Fault(kind=FaultKind.UNSAFE, name=name, text=why)
        yield from central_faults(info)
        if name in seen:
            text = "the zip holds it twice; tools differ in which one they unpack"
            yield Fault(kind=FaultKind.EXTRA, name=name, text=text)
        seen.add(name)
    yield from _both_faults(seen)


def _both_faults(names: Collection[str]) -> Iterator[Fault]:
    """Names of files that are names of directories, too."""
    in_order = sorted(name.replace("/", "\0") for name in names)  # what is below a file follows it
    for name, following in pairwise(in_order):
        if following.startswith(name + "\0"):
            text = "the zip holds it as a file and as a directory; tools unpack only one of them"
            yield Fault(kind=FaultKind.UNSAFE, name=name.replace("\0", "/"), text=text)


def _apart(
    in_order: Sequence[zipfile.ZipInfo], end: int
) -> tuple[list[zipfile.ZipInfo], list[Fault]]:
    """Members that lie apart, and faults of those that reach into the next one.

    A zip bomb lets many members share the same bytes; none of these is unpacked.
    """
    starts = [info.header_offset for info in in_order[1:]] + [end]
    apart, faults = [], []
    for info, following in zip(in_order, starts, strict=True):
        if info.header_offset + info.compress_size < following:
            apart.append(info)
        else:
            text = "it reaches into the member or the directory that follows it"
            faults.append(Fault(kind=FaultKind.DAMAGED, name=info.filename, text=text))
    return apart, faults


def _batches(members: Sequence[zipfile.ZipInfo]) -> Iterator[list[zipfile.ZipInfo]]:
    batch: list[zipfile.ZipInfo] = []
    size = 0
    for info in members:
        batch.append(info)
        size += info.compress_size
        if size >= BATCH_BYTES or len(batch) >= BATCH_MEMBERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _check_batch(
    source: Bytes,
    records: frozenset[str],
    progress: _Progress,
    batch: Sequence[zipfile.ZipInfo],
) -> CheckedMembers:
    checked = CheckedMembers()
    for info in batch:
        try:
            span, faults = locate(source, info)
            checked.spans.append(span)
            checked.faults.extend(faults)
            is_record = info.filename in records and info.file_size <= LARGEST_RECORD_BYTES
            pieces = _counted(unpack(source, info, span), info, progress)
            unpacked, crc, data = _digest(pieces, keep=is_record)
            if not info.is_dir():
                checked.unpacked[info.filename] = unpacked
            if is_record:
                checked.texts[info.filename] = data.decode("utf-8", "replace")
            if crc != info.CRC:
                checked.faults.append(_wrong_crc(info, crc))
        except ZipFault as error:
            checked.faults.append(error.fault)
    return checked


def _counted(
    pieces: Iterator[bytes], info: zipfile.ZipInfo, progress: _Progress
) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        progress.add(info, len(piece))


def _digest(pieces: Iterator[bytes], *, keep: bool) -> tuple[Unpacked, int, bytes]:
    """Digest and size of a member's bytes, their CRC-32, and they themselves where they are kept."""
    digest = hashlib.sha256()
    crc = size = 0
    kept = []
    for piece in pieces:
        digest.update(piece)
        crc = isal_zlib.crc32(piece, crc)
        size += len(piece)
        if keep:
            kept.append(piece)
    return Unpacked(digest.hexdigest(), size), crc, b"".join(kept)


def _wrong_crc(info: zipfile.ZipInfo, crc: int) -> Fault:
    text = "its bytes do not have the CRC-32 that the zip records"
    return Fault(
        kind=FaultKind.CRC,
        name=info.filename,
        text=text,
        expected=f"{info.CRC:08x}",
        found=f"{crc:08x}",
    )


def _gaps(spans: Sequence[Span], directory: Directory) -> Iterator[Fault]:
    """Bytes of the zip that belong to no member."""
    position = 0
    for start, end in [*((span.start, span.end) for span in spans), (directory.start, 0)]:
        if start > position and len(spans) == len(directory.members):
            text = f"{start - position} bytes at {position} belong to no member"
            yield Fault(kind=FaultKind.EXTRA, name="", text=text)
        position = end
