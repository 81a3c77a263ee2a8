"""Words, numbers and the header that all three result files share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Attributes = Mapping[str, str]
"""Attributes of a run or of a recorded item."""

VERSION = 3

_NEEDS_QUOTES = re.compile(r'[\s"\\\x00-\x1f\x7f]|^$')
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What identifies a run in its result files."""

    run_id: str
    attributes: Attributes
    itervars: Mapping[str, str]
    config: tuple[tuple[str, str], ...]
    """Keys and values in the order of search; keys may repeat, the first that matches is effective."""

    def lines(self) -> Iterator[str]:
        """The header without the version line, ending with a blank line."""
        yield f"run {quote(self.run_id)}\n"
        for kind, items in (("attr", self.attributes), ("itervar", self.itervars)):
            for name in sorted(items):
                yield f"{kind} {quote(name)} {quote(items[name])}\n"
        for key, value in self.config:
            yield f"config {quote(key)} {quote(value)}\n"
        yield "\n"


def attribute_lines(attributes: Attributes) -> Iterator[str]:
    """Attributes of the item before, in the order of their names; empty ones are left out."""
    for name in sorted(attributes):
        if attributes[name]:
            yield f"attr {quote(name)} {quote(attributes[name])}\n"


def quote(word: str) -> str:
    """A word as the format wants it: in double quotes if it is empty or holds anything special."""
    if not _NEEDS_QUOTES.search(word):
        return word
    return '"' + "".join(_escape(character) for character in word) + '"'


def format_time(time_s: float) -> str:
    """Simulated time in seconds, exact to the picosecond."""
    return f"{time_s:.12f}".rstrip("0").rstrip(".")


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\x{ord(character):02x}" if character < " " or character == "\x7f" else character
