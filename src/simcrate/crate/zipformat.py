"""The bytes of a zip's headers, as `ZipWriter` needs them: fixed dates and modes, UTF-8 names, ZIP64.

A member that fits into one block has its CRC and sizes in its local header.  A longer one is written
before they are known: its header says so (bit 3) and a data descriptor follows it.

Source: APPNOTE.TXT 6.3.10: 4.3.7 local header, 4.3.9 data descriptor, 4.3.12 central directory,
4.3.14 to 4.3.16 end records, 4.4.4 flags, 4.5.3 ZIP64 extra field.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

ZIP64_FROM_BYTES = 0xFF00_0000  # 16 MiB below 4 GiB: what does not shrink grows by less than that
LIMIT_32 = 0xFFFF_FFFF
LIMIT_16 = 0xFFFF

_MADE_BY_UNIX = 3 << 8
_VERSION_DEFLATE = 20
_VERSION_ZIP64 = 45
_FLAG_DESCRIPTOR = 1 << 3
_FLAG_UTF8 = 1 << 11
_REGULAR_FILE_0644 = 0o100644 << 16
_DATE_1980_01_01 = (1 << 5) | 1
_ZIP64_EXTRA = 1

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_END_64_LOCATOR = struct.Struct("<4sIQI")


@dataclass(slots=True)
class Entry:
    """One member as the central directory lists it."""

    name: bytes
    size_bytes: int
    method: int
    is_streamed: bool
    """Whether CRC and packed size become known only after the local header is written."""

    offset: int
    crc: int = 0
    packed_bytes: int = 0

    @property
    def is_zip64(self) -> bool:
        """Whether its sizes take 64 bits."""
        return self.size_bytes >= ZIP64_FROM_BYTES

    def local_header(self) -> bytes:
        """What stands before its data."""
        crc, packed, size = (
            (0, 0, 0) if self.is_streamed else (self.crc, self.packed_bytes, self.size_bytes)
        )
        extra = b""
        if self.is_zip64:
            extra = struct.pack("<2H2Q", _ZIP64_EXTRA, 16, size, packed)
            packed = size = LIMIT_32
        lengths = (len(self.name), len(extra))
        head = _LOCAL.pack(b"PK\x03\x04", *self._description(), crc, packed, size, *lengths)
        return head + self.name + extra

    def descriptor(self) -> bytes:
        """What follows its data; empty where the local header says it all."""
        if not self.is_streamed:
            return b""
        layout = "<4sI2Q" if self.is_zip64 else "<4s3I"
        return struct.pack(layout, b"PK\x07\x08", self.crc, self.packed_bytes, self.size_bytes)

    def central_header(self) -> bytes:
        """Its line in the central directory."""
        wide = []
        packed, size, offset = self.packed_bytes, self.size_bytes, self.offset
        if self.is_zip64:
            wide += [size, packed]
            packed = size = LIMIT_32
        if offset >= LIMIT_32:
            wide.append(offset)
            offset = LIMIT_32
        count = len(wide)
        extra = struct.pack(f"<2H{count}Q", _ZIP64_EXTRA, 8 * count, *wide) if wide else b""
        version, *others = self._description()
        if wide:
            version = _VERSION_ZIP64
        head = _CENTRAL.pack(
            b"PK\x01\x02",
            _MADE_BY_UNIX | version,
            version,
            *others,
            self.crc,
            packed,
            size,
            len(self.name),
            len(extra),
            0,  # no comment
            0,  # first disk
            0,  # no internal attributes
            _REGULAR_FILE_0644,
            offset,
        )
        return head + self.name + extra

    def _description(self) -> tuple[int, int, int, int, int]:
        """Version needed, flags, method, time, date."""
        version = _VERSION_ZIP64 if self.is_zip64 else _VERSION_DEFLATE
        flags = _FLAG_UTF8 | (_FLAG_DESCRIPTOR if self.is_streamed else 0)
        return version, flags, self.method, 0, _DATE_1980_01_01


def end_records(entries: Sequence[Entry], *, start: int, end: int) -> bytes:
    """What closes a zip whose central directory lies at [start, end)."""
    count, size = len(entries), end - start
    wide = b""
    if count >= LIMIT_16 or size >= LIMIT_32 or start >= LIMIT_32:
        versions = (_MADE_BY_UNIX | _VERSION_ZIP64, _VERSION_ZIP64)
        wide = _END_64.pack(b"PK\x06\x06", 44, *versions, 0, 0, count, count, size, start)
        wide += _END_64_LOCATOR.pack(b"PK\x06\x07", 0, end, 1)
    counts = (min(count, LIMIT_16),) * 2
    place = (min(size, LIMIT_32), min(start, LIMIT_32))
    return wide + _END.pack(b"PK\x05\x06", 0, 0, *counts, *place, 0)
