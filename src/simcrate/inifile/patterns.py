r"""Wildcard patterns of ini keys, matched against full paths of objects.

    ?          any character but a dot
    *          any characters but dots
    **         any characters
    {a-z}      one character of a set; {^a-z} one that is not in it
    {38..150}  a whole number in a range; either end may be left out
    [38..150]  the same between square brackets, as in node[3]
    \          takes the next character literally

Source: OMNeT++ Simulation Manual, section "Using wildcard patterns".
"""

from __future__ import annotations

import re
from functools import lru_cache

from simcrate.errors import IniError

_RANGE = re.compile(r"(\d*)\.\.(\d*)$")


class Pattern:
    """A pattern that full names either match or do not."""

    __slots__ = ("_expression", "_ranges", "text")

    def __init__(self, text: str) -> None:
        """Understand a pattern.

        Raises:
            IniError: a brace is not closed, or a set is empty.
        """
        self.text = text
        self._ranges: list[tuple[int, float]] = []
        self._expression = re.compile(self._translate(), re.DOTALL)

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        match = self._expression.fullmatch(name)
        if match is None:
            return False
        numbers = [int(group) for group in match.groups()]
        return all(
            low <= number <= high for number, (low, high) in zip(numbers, self._ranges, strict=True)
        )

    def _translate(self) -> str:
        parts = []
        position = 0
        while position < len(self.text):
            part, position = self._translate_at(position)
            parts.append(part)
        return "".join(parts)

    def _translate_at(self, position: int) -> tuple[str, int]:
        match self.text[position]:
            case "*" if self.text.startswith("**", position):
                part, end = ".*", position + 2
            case "*":
                part, end = r"[^.]*", position + 1
            case "?":
                part, end = r"[^.]", position + 1
            case "\\" if position + 1 < len(self.text):
                part, end = re.escape(self.text[position + 1]), position + 2
            case "{":
                part, end = self._translate_braces(position)
            case "[":
                part, end = self._translate_brackets(position)
            case character:
                part, end = re.escape(character), position + 1
        return part, end

    def _translate_braces(self, position: int) -> tuple[str, int]:
        end = self.text.find("}", position + 1)
        if end < 0:
            message = f'pattern {self.text}: missing "}}"'
            raise IniError(message)
        inner = self.text[position + 1 : end]
        if (number := self._range(inner)) is not None:
            return number, end + 1
        return _character_set(inner, self.text), end + 1

    def _translate_brackets(self, position: int) -> tuple[str, int]:
        end = self.text.find("]", position + 1)
        number = self._range(self.text[position + 1 : end]) if end > 0 else None
        if number is None:
            return r"\[", position + 1
        return rf"\[{number}\]", end + 1

    def _range(self, inner: str) -> str | None:
        match = _RANGE.fullmatch(inner)
        if match is None:
            return None
        self._ranges.append((int(match[1] or 0), int(match[2]) if match[2] else float("inf")))
        return r"(\d{1,18})"


@lru_cache(maxsize=4096)
def compiled(text: str) -> Pattern:
    """The pattern of that text; the same object for the same text.

    Raises:
        IniError: as `Pattern`.
    """
    return Pattern(text)


def _character_set(inner: str, pattern: str) -> str:
    negated = inner.startswith("^")
    members = inner[1:] if negated else inner
    if not members:
        message = f"pattern {pattern}: empty set of characters"
        raise IniError(message)
    parts = []
    position = 0
    while position < len(members):
        first = members[position]
        if members[position + 1 : position + 2] == "-" and position + 2 < len(members):
            last = members[position + 2]
            low, high = min(first, last), max(first, last)
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
            position += 3
        else:
            parts.append(re.escape(first))
            position += 1
    return f"[{'^' if negated else ''}{''.join(parts)}]"
