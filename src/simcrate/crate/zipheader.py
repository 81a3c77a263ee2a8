"""What a zip's headers may say of a member, so that every tool unpacks what was verified.

Tools believe different fields of the same header: one makes a link of what another one takes for a file,
skips it, or gives it another name.  A member of a crate says only what all of them understand alike; the
list is in docs/reference/crate.md.

Source: APPNOTE.TXT 6.3.10, 4.3.7, 4.3.12, 4.4.2 to 4.4.4, 4.4.14, 4.4.15, 4.5 and 4.6.9; what Info-ZIP unzip
6.0, libarchive 3.6 and 7-Zip 26 make of these fields; the tags that Info-ZIP zip 3.0 documents.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from simcrate.crate.faults import Fault, FaultKind

FLAG_DESCRIPTOR = 1 << 3
KNOWN_FLAGS = 0b110 | FLAG_DESCRIPTOR | 1 << 11  # how hard it was deflated, descriptor, UTF-8
KNOWN_VERSIONS = frozenset({10, 20, 45})  # to unpack: stored, deflated or a directory, ZIP64
ZIP64 = 0x0001

_FLAG_UTF8 = 1 << 11
_SYSTEMS = frozenset({0, 3, 10, 11})  # made by: MS-DOS, Unix, NTFS under both its numbers
_TIMES_AND_OWNERS = {0x000A, 0x5455, 0x5855, 0x7855, 0x7875}  # of NTFS and Unix
_FROM_JAR = 0xCAFE  # no reader obeys it
_HARMLESS = frozenset({ZIP64, _FROM_JAR, *_TIMES_AND_OWNERS})
_BROKEN = -1
_UNIX_KINDS = frozenset({0, stat.S_IFREG, stat.S_IFDIR})
_DOS_DIRECTORY = 0x10
_DOS_SPECIAL = 0x08 | 0x40 | 0x400  # volume label, device, reparse point
_TEXT = 1  # the only internal attribute that any tool sets
_UNKNOWN_32 = 0xFFFF_FFFF
_FIELD = struct.Struct("<2H")
_ODD_EXTRA = "a header of it has an extra field that crates do not use; tools may obey it"
_STATED = ("name", "flags", "method", "time", "date", "CRC", "packed size", "size")


def central_faults(info: zipfile.ZipInfo) -> Iterator[Fault]:
    """What a member's line in the directory says that no crate may say."""
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0: none is stated
    if kind not in _UNIX_KINDS or info.external_attr & _DOS_SPECIAL:  # whatever system made it
        text = "it is a link or a device, and may lead anywhere when it is unpacked"
        yield _fault(info, text, FaultKind.UNSAFE)
    if kind == stat.S_IFREG if info.is_dir() else _says_directory(info, kind):
        text = "its name and its attributes disagree on whether it is a directory; tools drop it"
        yield _fault(info, text, FaultKind.UNSAFE)
    if info.is_dir() and info.file_size:
        text = "it is a directory that holds bytes; no tool unpacks them"
        yield _fault(info, text, FaultKind.EXTRA)
    if not (info.flag_bits & _FLAG_UTF8 or info.orig_filename.isascii()):
        text = "its name is not marked as UTF-8; tools give it different names"
        yield _fault(info, text, FaultKind.UNSAFE)
    if not _HARMLESS.issuperset(extra_fields(info.extra)):
        yield _fault(info, _ODD_EXTRA, FaultKind.UNSAFE)
    if not _is_ordinary(info):
        text = "its line in the directory has a system, version, disk or attribute of no crate"
        yield _fault(info, text)


def local_faults(
    info: zipfile.ZipInfo, fields: Sequence[int], name: bytes, extra: Mapping[int, bytes]
) -> list[Fault]:
    """Where a member's own header contradicts the directory, or says what no crate may say.

    Args:
        info: its line in the directory.
        fields: its header from "version needed" on, without the two lengths.
        name: its name there.
        extra: its extra fields there.
    """
    version, flags, method, time, date, crc, *sizes = fields
    year, month, day, hour, minute, second = info.date_time
    dos_time = (hour << 11) | (minute << 5) | (second // 2)
    dos_date = ((year - 1980) << 9) | (month << 5) | day
    described = (name_bytes(info), info.flag_bits, info.compress_type, dos_time, dos_date)
    summed = (info.CRC, info.compress_size, info.file_size)
    sums = [crc, *(_wide(sizes, extra[ZIP64]) if ZIP64 in extra else sizes)]
    if info.flag_bits & FLAG_DESCRIPTOR:  # they follow the member
        sums = [local or central for local, central in zip(sums, summed, strict=True)]
    true, found = (*described, *summed), (name, flags, method, time, date, *sums)
    faults = [] if found == true else _contradictions(info, true, found)
    if version not in KNOWN_VERSIONS:
        faults.append(_fault(info, "its own header asks for a version that crates do not use"))
    if not _HARMLESS.issuperset(extra):
        faults.append(_fault(info, _ODD_EXTRA, FaultKind.UNSAFE))
    return faults


def extra_fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields by tag; what is cut off or comes again has a tag that does not exist."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + _FIELD.size <= len(extra):
        tag, length = _FIELD.unpack_from(extra, at)
        start, at = at + _FIELD.size, at + _FIELD.size + length
        fields[_BROKEN if tag in fields else tag] = extra[start:at]
    if at != len(extra):
        fields[_BROKEN] = b""
    return fields


def name_bytes(info: zipfile.ZipInfo) -> bytes:
    """A member's name as it stands in the zip."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _FLAG_UTF8 else "cp437")


def _contradictions(
    info: zipfile.ZipInfo, true: Sequence[object], found: Sequence[object]
) -> list[Fault]:
    return [
        Fault(
            kind=FaultKind.DAMAGED,
            name=info.filename,
            text=f"the zip's directory and the member's own header disagree on its {what}",
            expected=str(central),
            found=str(local),
        )
        for what, central, local in zip(_STATED, true, found, strict=True)
        if central != local
    ]


def _says_directory(info: zipfile.ZipInfo, kind: int) -> bool:
    return kind == stat.S_IFDIR or bool(info.external_attr & _DOS_DIRECTORY)


def _is_ordinary(info: zipfile.ZipInfo) -> bool:
    return (
        info.create_system in _SYSTEMS
        and info.extract_version in KNOWN_VERSIONS
        and info.reserved == info.volume == 0
        and info.internal_attr <= _TEXT
    )


def _wide(sizes: Sequence[int], content: bytes) -> list[int]:
    """Packed size and size; from the ZIP64 field those that 32 bits do not hold."""
    wide = iter(struct.unpack_from(f"<{len(content) // 8}Q", content))
    return [next(wide, size) if size == _UNKNOWN_32 else size for size in reversed(sizes)][::-1]


def _fault(info: zipfile.ZipInfo, text: str, kind: FaultKind = FaultKind.DAMAGED) -> Fault:
    return Fault(kind=kind, name=info.orig_filename, text=text)
