"""The parts of the names that simulators give to results, and file names made of them.

Source: OMNeT++ Simulation Manual, "Result Recording" (`<statistic>:<recording mode>`).
"""

from __future__ import annotations

import re

LONGEST_FILE_NAME = 100  # characters, so that a suffix and an extension still fit everywhere
_INDEX = re.compile(r"\[\d+\]")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = re.compile(
    r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE
)  # names Windows keeps


def split_name(name: str) -> tuple[str, str]:
    """Statistic and recording mode: `delay:mean` is (`delay`, `mean`); without a mode, an empty one."""
    base, colon, mode = name.rpartition(":")
    return (base, mode) if colon and base else (name, "")


def module_group(module: str) -> str:
    """The module path with every index replaced: `Net.host[3].app[0]` is one of `Net.host[*].app[*]`."""
    return _INDEX.sub("[*]", module)


def plain_title(title: str, mode: str) -> str:
    """A title without the recording mode that some versions append: `Cache Size, vector`."""
    return title.removesuffix(f", {mode}") if mode else title


class FileNames:
    """Safe file names for arbitrary texts, no two equal, not even where upper and lower case are the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, text: str) -> str:
        """A new name of letters, digits, `.`, `_` and `-`, without extension."""
        stem = _UNSAFE.sub("_", text)[:LONGEST_FILE_NAME].strip("._") or "unnamed"
        if _RESERVED.fullmatch(stem):
            stem = f"_{stem}"
        candidate, number = stem, 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}-{number}"
        self._taken.add(candidate.casefold())
        return candidate
