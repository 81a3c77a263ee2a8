"""The lexer that the text formats of result files share: lines, tokens, numbers.

Tokens are separated by blanks and tabs; one that begins with a double quote ends at the next unescaped
one and may hold anything.  Works on bytes, so that an escape can make up any byte, and gives text.

Source: OMNeT++ Simulation Manual, appendix "Result File Formats", and files of 4.x to 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from simcrate.errors import ResultFormatError

MAX_LINE_BYTES = 1 << 20
"""A longer line is refused: the longest real ones, ini entries, have some thousand bytes."""

_TOKEN = re.compile(rb'[ \t]*(?:"((?:[^"\\]|\\.)*+)"(?=[ \t]|$)|([^" \t][^ \t]*))', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_NOT_FINITE = re.compile(
    rb"([+-]?)(?:[0-9]+\.?#?)?(inf(?:inity)?|nan(?:\([^)]*\))?|ind|qnan|snan)0*", re.I
)


class LineError(ValueError):
    """A line that is not what its format says; the reader of the file adds name and line number."""


def whole_lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1, without their ends.

    A last line without an end is one that is still being written, or was cut: it is left out.

    Raises:
        ResultFormatError: a line is longer than any real one.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if line.endswith(b"\n"):
            yield number, line.rstrip(b"\r\n")
        elif len(line) > MAX_LINE_BYTES:
            message = f"expected lines of at most {MAX_LINE_BYTES} bytes, found a longer one"
            raise ResultFormatError(message, file=path, line=number)


@lru_cache(maxsize=1024)
def split(line: bytes) -> tuple[str, ...]:
    """The tokens of a line; attribute lines repeat a thousand times, so they are remembered.

    Raises:
        LineError: a quote is not closed, or the text is not UTF-8.
    """
    if b'"' not in line and line.isascii():
        return tuple(line.decode().split())
    tokens = _split_quoted(line) if b'"' in line else line.split()
    try:
        return tuple(token.decode() for token in tokens)
    except UnicodeDecodeError as error:
        message = f"expected UTF-8, found byte 0x{error.object[error.start]:02x}"
        raise LineError(message) from error


def parse_number(token: str) -> float:
    """A number as C++ streams of any platform print it: `-nan`, `1.#INF` and `-1.#IND` included.

    Raises:
        LineError: it is not a number.
    """
    try:
        if "_" not in token and token.isascii():  # Python would take more than C prints
            return float(token)
    except ValueError:
        if found := _NOT_FINITE.fullmatch(token.encode()):
            sign = -1.0 if found[1] == b"-" else 1.0
            return sign * float("inf") if found[2].lower().startswith(b"inf") else float("nan")
    message = f"expected a number, found {shorten(token)}"
    raise LineError(message)


def parse_count(token: str) -> int:
    """A count or an identifier: a whole number from 0 to what 64 bits hold.

    Raises:
        LineError: it is something else.
    """
    if token.isascii() and token.isdigit() and len(token) <= 18:
        return int(token)
    message = f"expected a whole number, found {shorten(token)}"
    raise LineError(message)


def shorten(text: str) -> str:
    """A piece of a file, quoted, fit for an error message."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _split_quoted(line: bytes) -> list[bytes]:
    tokens, position, end = [], 0, len(line.rstrip(b" \t"))
    while position < end:
        found = _TOKEN.match(line, position, end)
        if found is None:
            message = (
                "expected a closing double quote and a blank after it, found the end or more text"
            )
            raise LineError(message)
        quoted, bare = found.groups()
        tokens.append(bare if quoted is None else _ESCAPE.sub(_unescape, quoted))
        position = found.end()
    return tokens


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) > 1:
        return bytes([int(code[1:], 16)])
    return _CONTROLS.get(code, code)
