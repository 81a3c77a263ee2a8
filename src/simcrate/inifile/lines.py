"""Physical lines of an ini file joined into logical ones, comments found, strings respected.

Knows nothing of sections and keys.

Source: OMNeT++ Simulation Manual, section "Ini file syntax", and measured behaviour:

- 6.x: a line whose last character is a backslash goes on in the next line, and an indented line
  continues the line above it unless that is blank or a comment; content begins in column 1.
- 5.x: white space at the end of a line is dropped first, then a backslash continues it; indentation
  means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from simcrate.errors import IniError

Generation = Literal[5, 6]
"""Whose rules hold for continuation lines: OMNeT++ 5.x, or 6.x and newer."""

BLANKS = " \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One physical line of a logical one."""

    line: int
    """Line number, counted from 1."""

    text: str
    """The line as it stands in the file, without the end of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalLine:
    """A line after joining; never blank, never a comment."""

    text: str
    """Content without comments; pieces joined by indentation keep a line feed between them."""

    pieces: tuple[Piece, ...]
    """The physical lines that it was made of, at least one."""

    @property
    def line(self) -> int:
        """Number of its first physical line, counted from 1."""
        return self.pieces[0].line


def join_lines(text: str, *, file: str, generation: Generation = 6) -> Iterator[LogicalLine]:
    """The logical lines of a text.

    Args:
        text: all of the file.
        file: its name, for messages.
        generation: whose rules hold.

    Raises:
        IniError: a string constant is not closed.
    """
    joined: list[str] = []  # no part is empty; a text would be copied for each line that is added
    pieces: list[Piece] = []
    for number, physical in enumerate(text.split("\n"), start=1):
        raw = _without_end(physical, generation)
        piece = Piece(line=number, text=physical.removesuffix("\r"))
        if joined and joined[-1].endswith("\\"):
            joined[-1:] = filter(None, [joined[-1][:-1], raw])
            pieces.append(piece)
        elif generation >= 6 and _continues(joined, raw):
            joined.append("\n" + raw)
            pieces.append(piece)
        else:
            yield from _finished("".join(joined), pieces, file)
            joined, pieces = list(filter(None, [raw])), [piece]
    yield from _finished("".join(joined).removesuffix("\\"), pieces, file)


def content_end(text: str, start: int = 0) -> int:
    """Where the content of a line ends: before its comment, or at its end.

    A `#` inside a string constant starts no comment.

    Raises:
        IniError: a string constant is not closed.
    """
    position = start
    while position < len(text):
        if text[position] == "#":
            return position
        if text[position] == '"':
            position = string_end(text, position)
        else:
            position += 1
    return position


def string_end(text: str, start: int) -> int:
    """The position after the string constant that starts at `start` with a double quote.

    Raises:
        IniError: it is not closed.
    """
    position = start + 1
    while position < len(text):
        if text[position] == '"':
            return position + 1
        position += 2 if text[position] == "\\" else 1
    message = "string constant without an end; close it with a double quote on the same line"
    raise IniError(message)


def _without_end(physical: str, generation: Generation) -> str:
    if generation < 6:
        return physical.rstrip()
    if physical and (physical[-1] < " " or physical[-1] == "\x7f"):
        return physical[:-1]  # the CR of a Windows file
    return physical


def _continues(above: list[str], raw: str) -> bool:
    first = next(
        (character for part in above for character in part if not character.isspace()), "#"
    )
    return first != "#" and raw[:1] in (*BLANKS,) and bool(raw.strip())


def _finished(joined: str, pieces: list[Piece], file: str) -> Iterator[LogicalLine]:
    if not joined.strip() or joined.lstrip().startswith("#"):
        return
    contents = []
    for offset, part in enumerate(joined.split("\n")):
        try:
            contents.append(part[: content_end(part)].rstrip())
        except IniError as error:
            line = pieces[min(offset, len(pieces) - 1)].line
            raise IniError(str(error), file=file, line=line) from None
    yield LogicalLine(text="\n".join(contents), pieces=tuple(pieces))
