"""Check what closes a zip: that its directory and end records are whole and say the same.

Source: APPNOTE.TXT 6.3.10, 4.3.12 and 4.3.14 to 4.3.16.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator

from simcrate.crate.faults import Fault, FaultKind
from simcrate.crate.reading import Bytes
from simcrate.crate.zipheader import name_bytes
from simcrate.crate.zipreader import Directory

_END = struct.Struct("<4s4H2IH")
_LONGEST_END_BYTES = _END.size + 0xFFFF  # with the longest comment
_CENTRAL_BYTES = 46
_END_64_BYTES = 56
_END_64_LOCATOR_BYTES = 20
_MANY = 0xFFFF  # the count then stands in the ZIP64 record


def end_faults(source: Bytes, directory: Directory) -> Iterator[Fault]:
    """What is wrong with a zip from its directory to its end."""
    first = max(directory.start, source.size_bytes - _LONGEST_END_BYTES)
    tail = source.read(first, _LONGEST_END_BYTES)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END.size:
        yield _damaged("its end record is not where the directory ends")
        return
    _, disk, first_disk, count_here, count, _, _, comment = _END.unpack_from(tail, at)
    members = len(directory.members)
    if disk or first_disk or not count_here == count == min(members, _MANY):
        yield _damaged("its end record does not describe a zip in one piece with these members")
    end = first + at + _END.size + comment
    if end > source.size_bytes:
        yield _damaged("its comment is shorter than its end record says")
    if end < source.size_bytes:
        text = f"{source.size_bytes - end} bytes follow the end of the zip"
        yield Fault(kind=FaultKind.EXTRA, name="", text=text)
    if _end_of_directory(source, first + at) != directory.start + _length(directory):
        yield _damaged("its directory does not end where its end record starts")


def _end_of_directory(source: Bytes, end_record: int) -> int:
    """Where the ZIP64 records start that stand before the end record, or it itself."""
    locator = end_record - _END_64_LOCATOR_BYTES
    if source.read(max(0, locator), 4) == b"PK\x06\x07":
        return locator - _END_64_BYTES
    return end_record


def _length(directory: Directory) -> int:
    return sum(map(_line_length, directory.members))


def _line_length(info: zipfile.ZipInfo) -> int:
    return _CENTRAL_BYTES + len(name_bytes(info)) + len(info.extra) + len(info.comment)


def _damaged(text: str) -> Fault:
    return Fault(kind=FaultKind.DAMAGED, name="", text=text)
