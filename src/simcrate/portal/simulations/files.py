"""Names and sizes of submitted files: what may come in at all.

The names become files on worker machines and entries of zips that people unpack anywhere, so whatever
any common file system or archive tool reads as more than a plain name is refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from simcrate.portal.simulations.faults import Fault
from simcrate.simulators.definition import RESULTS

MAX_NAME_BYTES = 200
MAX_FILES = 1000
FORBIDDEN = frozenset('/\\:*?"<>|')  # separators and what Windows refuses
RESERVED = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)
}


def file_faults(files: Mapping[str, bytes], *, max_bytes: int) -> Iterator[Fault]:
    """What is wrong with a set of files.

    Args:
        files: content by name.
        max_bytes: limit of all of them together.
    """
    if len(files) > MAX_FILES:
        yield Fault("files", f"there are {len(files)} files; at most {MAX_FILES} can be submitted")
    total_bytes = sum(map(len, files.values()))
    if total_bytes > max_bytes:
        yield Fault(
            "files",
            f"the files have {_mib(total_bytes)} together; at most {_mib(max_bytes)} can be submitted",
        )
    for name in files:
        if reason := _name_fault(name):
            yield Fault("files", f"the file name {name!r} cannot be used: {reason}")
    yield from _twins(files)


def _name_fault(name: str) -> str:
    """Why not, in a clause; empty when it can be used."""
    found = sorted(FORBIDDEN & set(name))
    reasons = {
        "it is empty or made of dots": not name.strip(". "),
        f"it is longer than {MAX_NAME_BYTES} bytes": len(name.encode("utf-8", "replace"))
        > MAX_NAME_BYTES,
        f"it contains {' '.join(found)}": bool(found),
        "it contains control characters": any(map(_is_control, name)),
        "it starts or ends with a dot, a dash or a space": name != name.strip()
        or name.startswith((".", "-"))
        or name.endswith("."),
        "the directory for the results has that name": name == RESULTS,
        "some systems reserve it for a device": name.partition(".")[0].casefold() in RESERVED,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _twins(files: Mapping[str, bytes]) -> Iterator[Fault]:
    """Names that are one file where case or composition of accents does not count."""
    seen: dict[str, str] = {}
    for name in files:
        plain = unicodedata.normalize("NFC", name).casefold()
        if plain in seen:
            message = f"the file names {seen[plain]!r} and {name!r} are one name on some systems"
            yield Fault("files", message)
        seen[plain] = name


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"
