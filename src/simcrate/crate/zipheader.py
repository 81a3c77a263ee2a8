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
from collections.abc import Iterable, Iterator, Sequence

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
_DOS_DIRECTORY = 0x10
_DOS_SPECIAL = 0x08 | 0x40 | 0x400  # volume label, device, reparse point
_TEXT = 1  # the only internal attribute that any tool sets
_UNKNOWN_32 = 0xFFFF_FFFF
_FIELD = struct.Struct("<2H")


def central_faults(info: zipfile.ZipInfo) -> Iterator[Fault]:
    """What a member's line in the directory says that no crate may say."""
    if _is_special(info):
        text = "it is a link or a device, and may lead anywhere when it is unpacked"
        yield _fault(info, text, FaultKind.UNSAFE)
    if _is_ambiguous(info):
        text = "its name and its attributes disagree on whether it is a directory; tools drop it"
        yield _fault(info, text, FaultKind.UNSAFE)
    if info.is_dir() and info.file_size:
        text = "it is a directory that holds bytes; no tool unpacks them"
        yield _fault(info, text, FaultKind.EXTRA)
    if not (info.flag_bits & _FLAG_UTF8 or info.orig_filename.isascii()):
        text = "its name is not marked as UTF-8; tools give it different names"
        yield _fault(info, text, FaultKind.UNSAFE)
    if not _is_harmless(info.extra):
        yield _fault(info, _ODD_EXTRA, FaultKind.UNSAFE)
    if not _is_ordinary(info):
        text = "the zip's directory says of it what crates do not use: system, version, disk or attributes"
        yield _fault(info, text)


def local_faults(
    info: zipfile.ZipInfo, fields: Sequence[int], name: bytes, extra: bytes
) -> list[Fault]:
    """Where a member's own header contradicts the directory, or says what no crate may say.

    Args:
        info: its line in the directory.
        fields: its header from "version needed" on, without the two lengths.
        name: its name there.
        extra: its extra fields there.
    """
    version, flags, method, time, date, crc, packed, size = fields
    local_sizes = _wide((size, packed), extra)
    year, month, day, hour, minute, second = info.date_time
    stated: dict[str, tuple[object, object]] = {
        "name": (name_bytes(info), name),
        "flags": (info.flag_bits, flags),
        "method": (info.compress_type, method),
        "time": ((hour << 11) | (minute << 5) | (second // 2), time),
        "date": (((year - 1980) << 9) | (month << 5) | day, date),
        "CRC": (info.CRC, _or_later(info, crc, info.CRC)),
        "size": (info.file_size, _or_later(info, local_sizes[0], info.file_size)),
        "packed size": (info.compress_size, _or_later(info, local_sizes[1], info.compress_size)),
    }
    faults = [
        Fault(
            kind=FaultKind.DAMAGED,
            name=info.filename,
            text=f"the zip's directory and the member's own header disagree on its {what}",
            expected=str(central),
            found=str(local),
        )
        for what, (central, local) in stated.items()
        if central != local
    ]
    if version not in KNOWN_VERSIONS:
        faults.append(_fault(info, "its own header asks for a version that crates do not use"))
    if not _is_harmless(extra):
        faults.append(_fault(info, _ODD_EXTRA, FaultKind.UNSAFE))
    return faults


def extra_fields(extra: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of every extra field; what is cut off has a tag that does not exist."""
    fields: list[tuple[int, bytes]] = []
    at = 0
    while at < len(extra):
        if len(extra) - at < _FIELD.size:
            return [*fields, (_BROKEN, extra[at:])]
        tag, length = _FIELD.unpack_from(extra, at)
        start, at = at + _FIELD.size, at + _FIELD.size + length
        fields.append((tag if at <= len(extra) else _BROKEN, extra[start:at]))
    return fields


def name_bytes(info: zipfile.ZipInfo) -> bytes:
    """A member's name as it stands in the zip."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _FLAG_UTF8 else "cp437")


_ODD_EXTRA = "a header of it has an extra field that crates do not use; tools may obey it"


def _is_special(info: zipfile.ZipInfo) -> bool:
    kinds = {
        0,
        stat.S_IFREG,
        stat.S_IFDIR,
    }  # whatever system: tools differ in whose modes they read
    return _unix_kind(info) not in kinds or bool(info.external_attr & _DOS_SPECIAL)


def _is_ambiguous(info: zipfile.ZipInfo) -> bool:
    kind = _unix_kind(info)
    if info.is_dir():
        return kind == stat.S_IFREG
    return kind == stat.S_IFDIR or bool(info.external_attr & _DOS_DIRECTORY)


def _is_ordinary(info: zipfile.ZipInfo) -> bool:
    return (
        info.create_system in _SYSTEMS
        and info.extract_version in KNOWN_VERSIONS
        and info.reserved == info.volume == 0
        and info.internal_attr <= _TEXT
    )


def _unix_kind(info: zipfile.ZipInfo) -> int:
    """File type of the mode; 0: none is stated."""
    return stat.S_IFMT(info.external_attr >> 16)


def _is_harmless(extra: bytes) -> bool:
    tags = [tag for tag, _ in extra_fields(extra)]
    return len(tags) == len(set(tags)) and _HARMLESS.issuperset(tags)


def _wide(sizes: Iterable[int], extra: bytes) -> list[int]:
    """The sizes; from the ZIP64 field those that 32 bits do not hold."""
    content = dict(extra_fields(extra)).get(ZIP64, b"")
    wide = iter(struct.unpack_from(f"<{len(content) // 8}Q", content))
    return [next(wide, size) if size == _UNKNOWN_32 else size for size in sizes]


def _or_later(info: zipfile.ZipInfo, local: int, central: int) -> int:
    """What a local header states; the central value where it leaves that to the descriptor."""
    return central if info.flag_bits & FLAG_DESCRIPTOR and local == 0 else local


def _fault(info: zipfile.ZipInfo, text: str, kind: FaultKind = FaultKind.DAMAGED) -> Fault:
    return Fault(kind=kind, name=info.orig_filename, text=text)
