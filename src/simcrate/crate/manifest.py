"""`manifest-sha256.txt`: one line a file, as `sha256sum -c` reads it.

Names in a crate hold no line ends and no backslashes (see `names`), so no line needs the escape of GNU
coreutils.

Source: GNU coreutils manual, "md5sum invocation" (the format of all its digests).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def format_manifest(digests: Mapping[str, str]) -> str:
    """The manifest of these files, sorted by the bytes of their names.

    Args:
        digests: SHA-256 in lower-case hexadecimal by name.
    """
    names = sorted(digests, key=str.encode)
    return "".join(f"{digests[name]}  {name}\n" for name in names)


def parse_manifest(text: str) -> tuple[dict[str, str], list[int]]:
    """Digests by name, and the numbers (from 1) of the lines that are not of the format.

    A name that stands twice with different digests counts as a faulty line.
    """
    digests: dict[str, str] = {}
    faulty = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None or digests.setdefault(match[2], match[1]) != match[1]:
            faulty.append(number)
    return digests, faulty
