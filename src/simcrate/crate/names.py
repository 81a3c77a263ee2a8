r"""Names of members: kept as they are where a zip can hold them, encoded reversibly where it cannot.

Simulators name files as they like.  Zip tools drop or rewrite control characters, take a backslash for a
separator, and cannot hold bytes that are not UTF-8.  Exactly these become `%XX` (the byte in upper-case
hexadecimal), and so does a `%` that stands before two hexadecimal digits, so that `original_name` always
gives back the bytes.  Everything else, quotes, `#`, `:`, spaces, any script, stays.

    results/Net-#0.vec      →  results/Net-#0.vec
    results/a\tb            →  results/a%09b
    results/100%            →  results/100%
    results/100%41          →  results/100%2541

A name that would leave the crate (absolute, or with a `.`, `..` or empty step) is refused, never repaired.

Source: what Info-ZIP unzip 6.0, libarchive 3.6, 7-Zip 16 and Python 3.11 do with such names;
APPNOTE.TXT 6.3.10, 4.4.17 (file name) and appendix D (UTF-8).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable

from simcrate.errors import CrateError

LONGEST_NAME_BYTES = 65_535  # the length field of a zip's header has 16 bits

_NOWHERE = frozenset({"", ".", ".."})
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_AMBIGUOUS_PERCENT = re.compile(r"%(?=[0-9A-Fa-f]{2})")
_UNHOLDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")


def crate_name(raw: str | bytes) -> str:
    """The name under which a crate holds a file of this name.

    Args:
        raw: path below the crate's root with `/` as separator; as bytes, or as a string that holds
            undecodable bytes the way `os.fsdecode` does.

    Raises:
        CrateError: the name would leave the crate.
    """
    text = os.fsdecode(raw)
    name = _UNHOLDABLE.sub(_escape, _AMBIGUOUS_PERCENT.sub("%25", text))
    check_name(name)
    return name


def original_name(name: str) -> bytes:
    """The bytes of the name that `crate_name` was given."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), name.encode())


def check_name(name: str) -> None:
    """Refuse a name that is not one that `crate_name` gives.

    Raises:
        CrateError: it would leave the crate, or a zip cannot hold it.
    """
    if fault := name_fault(name):
        message = f"could not name a member of the crate {name!r}: {fault}"
        raise CrateError(message)


def name_fault(name: str) -> str:
    """Why a crate may not hold this name; empty where it may."""
    if not name:
        return "a member needs a name"
    if name.startswith("/"):
        return "an absolute name leaves the crate"
    if not _NOWHERE.isdisjoint(name.split("/")):
        return "a step of it is empty, '.' or '..' and leads out of the crate or nowhere"
    if _UNHOLDABLE.search(name):
        return "it holds a control character, a backslash or a byte that is not UTF-8"
    if len(name.encode()) > LONGEST_NAME_BYTES:
        return f"it is longer than {LONGEST_NAME_BYTES} bytes"
    return ""


def clashes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that are one file where letters' case or Unicode form does not count.

    A zip holds both; Windows and macOS extract only one of them.
    """
    seen: dict[str, str] = {}
    pairs = []
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            pairs.append((other, name))
    return pairs


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(match[0]))
