"""Runs of a configuration, and the filter that selects some of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simcrate.errors import IniError
from simcrate.inifile.faults import excerpt
from simcrate.inifile.variables import split_list, unquote

REPETITION = "repetition"

_NUMBERS = re.compile(r"[\d,.\- ]+")
_SPAN = re.compile(r"(\d{1,18})(?:\s*(?:\.\.|-)\s*(\d{1,18}))?")
_UNSAFE_IN_NAMES = "/\\:?*<>|'`\"$%{}^&"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a configuration."""

    number: int
    """Its number among the runs of the configuration, counted from 0."""

    itervars: Mapping[str, str]
    """Values of the iteration variables as text, outermost loop first; without `repetition`."""

    repetition: int
    """Which repetition of the same values it is, counted from 0."""

    seed_set: int
    """Number of the set of seeds; by default the run's number."""

    @property
    def iterationvars(self) -> str:
        """For example `$N=20, $ia=2s`; empty without iteration variables."""
        return ", ".join(f"${name}={value}" for name, value in self.itervars.items())

    @property
    def scenario(self) -> str:
        """For example `$N=20, $ia=2s, $repetition=0`."""
        repetition = f"${REPETITION}={self.repetition}"
        return f"{self.iterationvars}, {repetition}" if self.itervars else repetition

    @property
    def iterationvarsf(self) -> str:
        """For file names, for example `N=20,ia=2s-`."""
        return ",".join(self._segments) + "-" if self.itervars else ""

    @property
    def iterationvarsd(self) -> str:
        """For directories, for example `N=20/ia=2s`."""
        return "/".join(self._segments)

    @property
    def _segments(self) -> list[str]:
        return [
            (f"{name}=" if name[0].isalpha() else "") + _encode(unquote(value))
            for name, value in self.itervars.items()
        ]


def parse_run_numbers(text: str, count: int) -> list[int] | None:
    """The numbers that a list such as `0,2,5..7` selects; None when the text is no list of numbers.

    Args:
        text: the run filter.
        count: how many runs there are.

    Raises:
        IniError: a number is out of range, or the list does not parse.
    """
    if not _NUMBERS.fullmatch(text):
        return None
    chosen: dict[int, None] = {}
    for item in split_list(text):
        match = _SPAN.fullmatch(item)
        if match is None:
            message = f'run filter "{excerpt(text)}": "{excerpt(item)}" is neither a number nor a span such as 5..7'
            raise IniError(message)
        first, last = int(match[1]), int(match[2] or match[1])
        if max(first, last) >= count:
            message = f'run filter "{excerpt(text)}": run {max(first, last)} is out of range 0..{count - 1}'
            raise IniError(message)
        chosen.update(dict.fromkeys(range(first, last + 1)))
    return list(chosen)


def _encode(value: str) -> str:
    """A value as part of a file name, spelled as OMNeT++ does (which pads one hex digit by a blank)."""
    return "".join(_encode_byte(byte) for byte in value.encode())


def _encode_byte(byte: int) -> str:
    character = chr(byte)
    if character == " ":
        return "_"
    if character in "_#":
        return "#" + character
    if byte >= 0x80:
        return f"#ffffff{byte:02x}"  # its characters are signed
    if byte < 0x20 or byte == 0x7F or character in _UNSAFE_IN_NAMES:
        return f"#{byte:2x}"
    return character
