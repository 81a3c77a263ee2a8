"""Check what closes a zip: that its directory and end records are whole and say the same.

Some tools believe the end record, others the ZIP64 records before it: both must be true.

Source: APPNOTE.TXT 6.3.10, 4.3.12 and 4.3.14 to 4.3.16.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator

from simcrate.crate.faults import Fault, FaultKind
from simcrate.crate.reading import Bytes
from simcrate.crate.zipheader import KNOWN_VERSIONS, name_bytes
from simcrate.crate.zipreader import Directory

_END = struct.Struct("<4s4H2IH")
_LONGEST_END_BYTES = _END.size + 0xFFFF  # with the longest comment
_END_64 = struct.Struct("<4sQ2H2I4Q")
_END_64_LOCATOR = struct.Struct("<4sIQI")
_WIDE_BYTES = _END_64.size + _END_64_LOCATOR.size
_LENGTHS = struct.Struct(
    "<28x3H12x"
)  # of name, extra fields and comment, in a line of the directory
_CENTRAL_BYTES = _LENGTHS.size
_IN_ZIP64 = (0xFFFF,) * 4 + (0xFFFF_FFFF,) * 2  # the value then stands in the ZIP64 record


def end_faults(source: Bytes, directory: Directory) -> Iterator[Fault]:
    """What is wrong with a zip from its directory to its end."""
    first = max(directory.start, source.size_bytes - _LONGEST_END_BYTES)
    tail = source.read(first, _LONGEST_END_BYTES)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + _END.size:
        yield _damaged("its end record is not where the directory ends")
        return
    _, *stated, comment = _END.unpack_from(tail, at)
    wide_at = first + at - _WIDE_BYTES
    wide = source.read(wide_at, _WIDE_BYTES) if wide_at >= 0 else b""
    has_wide = wide.startswith(b"PK\x06\x07", _END_64.size)
    place = _place(directory)
    directory_end = sum(place[-2:])
    if not all(
        value == true or (has_wide and value == in_zip64)
        for value, true, in_zip64 in zip(stated, place, _IN_ZIP64, strict=True)
    ):
        yield _damaged("its end record does not describe a zip in one piece with these members")
    if has_wide and not _is_true(wide, wide_at, place):
        yield _damaged(
            "its ZIP64 end records do not describe a zip in one piece with these members"
        )
    end = first + at + _END.size + comment
    if end > source.size_bytes:
        yield _damaged("its comment is shorter than its end record says")
    if end < source.size_bytes:
        text = f"{source.size_bytes - end} bytes follow the end of the zip"
        yield Fault(kind=FaultKind.EXTRA, name="", text=text)
    if directory_end != (wide_at if has_wide else first + at):
        yield _damaged("its directory does not end where its end record starts")
    if _claims_more(source, directory, directory_end):
        yield _damaged("the last line of its directory claims to be longer than the directory")


def _place(directory: Directory) -> tuple[int, ...]:
    """What end records must say: both disks, both counts, size and place of the directory."""
    members = len(directory.members)
    length = sum(map(_line_length, directory.members))
    return 0, 0, members, members, length, directory.start


def _is_true(wide: bytes, wide_at: int, place: tuple[int, ...]) -> bool:
    """Whether a ZIP64 end record and its locator, which follows it, say what is so."""
    signature, rest_bytes, _, version, *stated = _END_64.unpack_from(wide)
    locator = _END_64_LOCATOR.unpack_from(wide, _END_64.size)
    return (
        (signature, rest_bytes, *stated) == (b"PK\x06\x06", _END_64.size - 12, *place)
        and version in KNOWN_VERSIONS
        and locator == (b"PK\x06\x07", 0, wide_at, 1)
    )


def _claims_more(source: Bytes, directory: Directory, directory_end: int) -> bool:
    """Whether the directory's last line states longer parts than there are; `zipfile` does not mind."""
    if not directory.members:
        return False
    last = directory.members[-1]
    line = source.read(directory_end - _line_length(last), _CENTRAL_BYTES)
    stated = _LENGTHS.unpack(line)
    return stated != (len(name_bytes(last)), len(last.extra), len(last.comment))


def _line_length(info: zipfile.ZipInfo) -> int:
    return _CENTRAL_BYTES + len(name_bytes(info)) + len(info.extra) + len(info.comment)


def _damaged(text: str) -> Fault:
    return Fault(kind=FaultKind.DAMAGED, name="", text=text)
