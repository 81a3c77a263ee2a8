"""The table of contents of a zip, read from its end, and members read by range.

Nothing is unpacked on disk.  A hostile zip costs bounded memory: its directory is read only up to a
size, members are decompressed in pieces, and only as many bytes as the directory says.

Source: APPNOTE.TXT, section 4.3.7 (local header).
"""

from __future__ import annotations

import functools
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simcrate.localcloud.problems import Problem
from simcrate.localcloud.ranges import Span

MAX_DIRECTORY_BYTES = 8 << 20  # some 80,000 members
MAX_MEMBER_BYTES = 1 << 30  # larger ones are for those who download the whole
MAX_RATIO = 200  # above it, a member that is also large is a bomb
ALWAYS_SHOWN_BYTES = 64 << 20
PIECE_BYTES = 256 << 10
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
ENCRYPTED = 0x1
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no flags, no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in a zip."""

    name: str
    size_bytes: int
    packed_bytes: int
    crc: int
    is_deflated: bool
    header_offset: int


@functools.lru_cache(maxsize=2)  # a page with figures asks many times, and blobs never change
def read_index(path: Path) -> dict[str, Member]:
    """All files of a zip by name, in its order; blocks.

    Raises:
        Problem: `not-readable`.
    """
    try:
        with _Limited(path) as file, zipfile.ZipFile(file) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            return {info.filename: _member(info) for info in files}
    except (zipfile.BadZipFile, struct.error, UnicodeDecodeError, NotImplementedError) as error:
        raise Problem("not-readable", "this is no zip that can be read here") from error


def packed_span(descriptor: int, member: Member) -> Span:
    """Where a member's packed bytes are in the zip; blocks.

    Raises:
        Problem: `not-readable`, for bombs and broken zips too.
    """
    require_harmless(member)
    raw = os.pread(descriptor, LOCAL_HEADER.size, member.header_offset)
    if len(raw) < LOCAL_HEADER.size or not raw.startswith(b"PK\x03\x04"):
        raise Problem("not-readable", "this member is not where the zip says")
    *_, name_bytes, extra_bytes = LOCAL_HEADER.unpack(raw)
    start = member.header_offset + LOCAL_HEADER.size + name_bytes + extra_bytes
    return Span(start, start + member.packed_bytes)


def require_harmless(member: Member) -> None:
    """Refuse what is too large to be shown."""
    bomb = member.size_bytes > MAX_RATIO * max(1, member.packed_bytes)
    if member.size_bytes > (ALWAYS_SHOWN_BYTES if bomb else MAX_MEMBER_BYTES):
        message = f"'{member.name}' is too large to be shown; download the whole zip"
        raise Problem("not-readable", message)


def gzip_trailer(member: Member) -> bytes:
    """What makes a raw deflate stream gzip, behind it (RFC 1952)."""
    return struct.pack("<LL", member.crc, member.size_bytes & 0xFFFFFFFF)


def unpack(descriptor: int, member: Member, span: Span) -> Iterator[bytes]:
    """A member's own bytes, in pieces; stops at the size that the zip's directory says."""
    decompressor = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    position, left = span.start, member.size_bytes
    while left > 0:
        packed = decompressor.unconsumed_tail
        if not packed:
            packed = os.pread(descriptor, min(PIECE_BYTES, span.end - position), position)
            position += len(packed)
        piece = decompressor.decompress(packed, min(PIECE_BYTES, left))
        if not piece and (decompressor.eof or not packed):
            message = f"'{member.name}' is damaged"
            raise OSError(message)
        left -= len(piece)
        yield piece


class _Limited(io.FileIO):
    """A zip of which `zipfile` reads no larger directory, wherever it finds one."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise Problem("not-readable", "this zip has too many members to be shown here")
        return super().read(-1 if size is None else size)


def _member(info: zipfile.ZipInfo) -> Member:
    plain = info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    if info.flag_bits & ENCRYPTED or not plain:
        message = "this zip is encrypted or packed with a method that is not read here"
        raise Problem("not-readable", message)
    return Member(
        name=info.filename,
        size_bytes=info.file_size,
        packed_bytes=info.compress_size,
        crc=info.CRC,
        is_deflated=info.compress_type == zipfile.ZIP_DEFLATED,
        header_offset=info.header_offset,
    )
