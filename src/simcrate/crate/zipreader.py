"""Read a zip of unknown origin: its directory, and each member's bytes, believing neither.

Python's `zipfile` parses the central directory; everything that it takes on trust is compared here: local
headers, data descriptors, sizes, and that members lie side by side from the first byte to the directory.
What a member inflates to is never held whole and never grows past the size that the directory states.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy as np
from isal import igzip_lib

from simcrate.crate.faults import Fault, FaultKind
from simcrate.crate.reading import Bytes, BytesFile
from simcrate.crate.zipheader import (
    FLAG_DESCRIPTOR,
    KNOWN_FLAGS,
    ZIP64,
    extra_fields,
    local_faults,
)

READ_BYTES = 256 << 10  # packed bytes at a time
INFLATE_BYTES = 1 << 20  # at most so many unpacked bytes at a time
LARGEST_DIRECTORY_BYTES = 256 << 20  # some two million members

_INFLATE_ERROR = cast("type[Exception]", igzip_lib.error)  # its stub calls it an instance
_BROKEN = (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, struct.error)
_LOCAL = struct.Struct("<4s5H3I2H")
_SIGNATURE = b"PK\x07\x08"  # of a data descriptor
_LONGEST_DESCRIPTOR = 24
_HEAD_BYTES = 256  # read at once: nearly every local header with its name and extra fields


@dataclass(frozen=True, slots=True)
class Span:
    """Where a member lies: header at `start`, data at [data, data_end), `end` after its descriptor."""

    start: int
    data: int
    data_end: int
    end: int


class ZipFault(Exception):  # noqa: N818 - carries a fault
    """A zip, or a member of it, is not what it should be."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Directory:
    """A zip's central directory."""

    members: list[zipfile.ZipInfo]
    start: int
    """Where it lies in the zip."""


def read_directory(source: Bytes) -> Directory:
    """The central directory.

    Raises:
        ZipFault: there is none, or it is broken.
        CrateError: the bytes cannot be read.
    """
    with archive_of(source) as archive:
        return Directory(archive.infolist(), archive.start_dir)


@contextmanager
def archive_of(source: Bytes) -> Iterator[zipfile.ZipFile]:
    """The zip as Python's `zipfile` sees it; errors as of `read_directory`."""
    try:
        archive = zipfile.ZipFile(_Limited(source))
    except _BROKEN as error:
        raise ZipFault(_broken_directory(source, error)) from error
    with archive:
        yield archive


def locate(source: Bytes, info: zipfile.ZipInfo) -> tuple[Span, list[Fault]]:
    """Where a member lies, and where its local header and descriptor contradict the directory.

    Raises:
        ZipFault: there is no local header where the directory says.
    """
    head = source.read(info.header_offset, _HEAD_BYTES) if info.header_offset >= 0 else b""
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        text = "there is no member where the zip's directory says"
        raise ZipFault(Fault(kind=FaultKind.DAMAGED, name=info.filename, text=text))
    _, *fields, name_length, extra_length = _LOCAL.unpack_from(head)
    head_bytes = _LOCAL.size + name_length + extra_length
    if head_bytes > _HEAD_BYTES:
        head = source.read(info.header_offset, head_bytes)
    names = head[_LOCAL.size : head_bytes]
    extra = extra_fields(names[name_length:])
    data = info.header_offset + head_bytes
    data_end = data + info.compress_size
    faults = local_faults(info, fields, names[:name_length], extra)
    end = data_end
    if info.flag_bits & FLAG_DESCRIPTOR:
        tail, fault = _check_descriptor(
            source.read(data_end, _LONGEST_DESCRIPTOR), info, is_wide=ZIP64 in extra
        )
        end += tail
        faults += fault
    return Span(info.header_offset, data, data_end, end), faults


def unpack(source: Bytes, info: zipfile.ZipInfo, span: Span) -> Iterator[bytes]:
    """A member's bytes, piece by piece; stops at the size that the directory states.

    Raises:
        ZipFault: they cannot be unpacked, or are fewer or more than stated.
    """
    unpackers: dict[int, Callable[[Bytes, Span], Iterator[bytes]]] = {
        zipfile.ZIP_STORED: _pieces,
        zipfile.ZIP_DEFLATED: _inflate,
    }
    if info.flag_bits & ~KNOWN_FLAGS or info.compress_type not in unpackers:
        text = "it is encrypted or packed by a method that crates do not use"
        raise ZipFault(Fault(kind=FaultKind.DAMAGED, name=info.filename, text=text))
    pieces = unpackers[info.compress_type](source, span)
    if info.flag_bits & FLAG_DESCRIPTOR and info.compress_type == zipfile.ZIP_STORED:
        pieces = _ending_once(pieces, info)
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > info.file_size:
                raise ZipFault(_wrong_size(info, f"more than {info.file_size}"))
            yield piece
    except (_INFLATE_ERROR, EOFError) as error:
        text = f"its packed bytes cannot be unpacked: {error}"
        raise ZipFault(Fault(kind=FaultKind.DAMAGED, name=info.filename, text=text)) from error
    if size < info.file_size:
        raise ZipFault(_wrong_size(info, str(size)))


class _Limited(BytesFile):
    """Bytes of which no library reads more at once than a directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY_BYTES:
            message = f"its directory claims {size} bytes"
            raise zipfile.BadZipFile(message)
        return super().read(size)


def _broken_directory(source: Bytes, error: Exception) -> Fault:
    if source.read(0, 4) == b"PK\x03\x04" and "not a zip" in str(error):
        text = "the zip ends before its directory: the rest of it was lost on the way"
        return Fault(kind=FaultKind.TRUNCATED, name="", text=text)
    text = f"this is no zip, or its directory is broken: {error}"
    return Fault(kind=FaultKind.DAMAGED, name="", text=text)


def _check_descriptor(
    tail: bytes, info: zipfile.ZipInfo, *, is_wide: bool
) -> tuple[int, list[Fault]]:
    """Length of the data descriptor, and what is wrong with it; its signature is optional."""
    start = len(_SIGNATURE) if tail.startswith(_SIGNATURE) else 0
    layout = struct.Struct("<I2Q" if is_wide else "<3I")
    stated = (info.CRC, info.compress_size, info.file_size)
    length = start + layout.size
    if len(tail) >= length and layout.unpack_from(tail, start) == stated:
        return length, []
    text = "the zip's directory and the record after the member disagree"
    return length, [Fault(kind=FaultKind.DAMAGED, name=info.filename, text=text)]


def _ending_once(pieces: Iterator[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The same pieces of a stored member whose size follows it.

    Who unpacks such a one from a pipe takes it for ended where a data descriptor states the size so far, and
    what comes then for further members.

    Raises:
        ZipFault: there is one before its end.
    """
    tail, position = b"", 0
    for piece in chain(pieces, (b"",)):
        window = tail + (piece or bytes(_LONGEST_DESCRIPTOR))  # the last one may be cut off
        if _states_its_size(window, position - len(tail)):
            text = "who unpacks it from a pipe takes it for ended too early, and the rest for other files"
            raise ZipFault(Fault(kind=FaultKind.UNSAFE, name=info.filename, text=text))
        position += len(piece)
        tail = window[-_LONGEST_DESCRIPTOR:]
        yield piece


def _states_its_size(window: bytes, start: int) -> bool:
    """Whether a data descriptor in these bytes of a member, from `start` on, has its own place for the size."""
    if _SIGNATURE not in window:
        return False
    data = np.frombuffer(window, np.uint8).astype(np.uint32)
    words = data[:-3] | data[1:-2] << 8 | data[2:-1] << 16 | data[3:] << 24  # at every byte
    places = np.flatnonzero(words[:-8] == int.from_bytes(_SIGNATURE, "little"))
    sizes = words[places + 8]  # of 32 bits, or the lower half of 64
    return bool((sizes == (start + places).astype(np.uint32)).any())


def _pieces(source: Bytes, span: Span) -> Iterator[bytes]:
    position = span.data
    while position < span.data_end:
        piece = source.read(position, min(READ_BYTES, span.data_end - position))
        if not piece:
            message = "the zip ends within it"
            raise EOFError(message)
        yield piece
        position += len(piece)


def _inflate(source: Bytes, span: Span) -> Iterator[bytes]:
    inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    for packed in _pieces(source, span):
        yield inflater.decompress(packed, INFLATE_BYTES)  # EOFError where bytes follow its end
        while _holds_back(inflater):
            yield inflater.decompress(b"", INFLATE_BYTES)
    if not inflater.eof or inflater.unused_data:
        message = "they do not end where the zip says"
        raise EOFError(message)


def _holds_back(inflater: igzip_lib.IgzipDecompressor) -> bool:
    return not inflater.eof and not inflater.needs_input


def _wrong_size(info: zipfile.ZipInfo, found: str) -> Fault:
    return Fault(
        kind=FaultKind.SIZE,
        name=info.filename,
        text="it does not unpack to the size that the zip states",
        expected=str(info.file_size),
        found=found,
    )
