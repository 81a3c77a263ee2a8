r"""Wildcard patterns of ini keys, matched against full paths of objects.

    ?          any character but a dot
    *          any characters but dots
    **         any characters
    {a-z}      one character of a set; {^a-z} one that is not in it
    {38..150}  a whole number in a range; either end may be left out
    [38..150]  the same between square brackets, as in node[3]
    \          takes the next character literally

A pattern is a row of steps, each of which leads from a set of places in the name to the places that can
be reached from there.  So the effort grows with the length of pattern and name, whoever wrote them; a
regular expression could take for ever.

Source: OMNeT++ Simulation Manual, section "Using wildcard patterns".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from simcrate.errors import IniError
from simcrate.inifile.faults import excerpt

Places = frozenset[int]
Step = Callable[[str, Places], Places]
"""Leads from places in a name to others; no places means that nothing matches."""

LONGEST_NUMBER = 18  # digits

_RANGE = re.compile(r"(\d{0,18})\.\.(\d{0,18})")
_LITERAL = re.compile(r"[^*?{\[\\]+")


class Pattern:
    """A pattern that full names either match or do not."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        """Understand a pattern.

        Raises:
            IniError: a brace is not closed, or a set is empty.
        """
        self.text = text
        self._steps: list[Step] = []
        position = 0
        while position < len(text):
            steps, position = self._parse(position)
            self._steps.extend(steps)

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        places = frozenset((0,))
        for step in self._steps:
            places = step(name, places)
            if not places:
                return False
        return len(name) in places

    def _parse(self, position: int) -> tuple[list[Step], int]:
        """The steps of what stands at a position, and the position after it."""
        text = self.text
        steps: list[Step]
        match text[position]:
            case "*" if text.startswith("**", position):
                steps, end = [_anything], position + 2
            case "*":
                steps, end = [_no_dots], position + 1
            case "?":
                steps, end = [_character(lambda character: character != ".")], position + 1
            case "\\" if position + 1 < len(text):
                steps, end = [_literal(text[position + 1])], position + 2
            case "{":
                steps, end = self._parse_braces(position)
            case "[":
                steps, end = self._parse_brackets(position)
            case _:
                literal = _LITERAL.match(text, position)
                end = literal.end() if literal else position + 1
                steps = [_literal(text[position:end])]
        return steps, end

    def _parse_braces(self, position: int) -> tuple[list[Step], int]:
        end = self.text.find("}", position + 1)
        if end < 0:
            message = f'pattern {excerpt(self.text)}: missing "}}"'
            raise IniError(message)
        inner = self.text[position + 1 : end]
        step = _number_range(inner)
        if step is None:
            step = _character(_character_set(inner, self.text))
        return [step], end + 1

    def _parse_brackets(self, position: int) -> tuple[list[Step], int]:
        end = self.text.find("]", position + 1)
        step = _number_range(self.text[position + 1 : end]) if end > 0 else None
        if step is None:
            return [_literal("[")], position + 1
        return [_literal("["), step, _literal("]")], end + 1


@lru_cache(maxsize=4096)
def compiled(text: str) -> Pattern:
    """The pattern of that text; the same object for the same text.

    Raises:
        IniError: as `Pattern`.
    """
    return Pattern(text)


def _anything(name: str, places: Places) -> Places:
    return frozenset(range(min(places), len(name) + 1))


def _no_dots(name: str, places: Places) -> Places:
    reached = set(places)
    for place in range(min(places), len(name)):
        if place in reached and name[place] != ".":
            reached.add(place + 1)
    return frozenset(reached)


def _literal(text: str) -> Step:
    def step(name: str, places: Places) -> Places:
        return frozenset(place + len(text) for place in places if name.startswith(text, place))

    return step


def _character(accepts: Callable[[str], bool]) -> Step:
    def step(name: str, places: Places) -> Places:
        return frozenset(
            place + 1 for place in places if place < len(name) and accepts(name[place])
        )

    return step


def _number_range(inner: str) -> Step | None:
    match = _RANGE.fullmatch(inner)
    if match is None:
        return None
    low = int(match[1] or 0)
    high = int(match[2]) if match[2] else float("inf")

    def step(name: str, places: Places) -> Places:
        return frozenset(
            end
            for place in places
            for end in range(place + 1, min(place + LONGEST_NUMBER, len(name)) + 1)
            if _is_number(name[place:end]) and low <= int(name[place:end]) <= high
        )

    return step


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _character_set(inner: str, pattern: str) -> Callable[[str], bool]:
    negated = inner.startswith("^")
    members = inner[1:] if negated else inner
    if not members:
        message = f"pattern {excerpt(pattern)}: empty set of characters"
        raise IniError(message)
    spans = []
    position = 0
    while position < len(members):
        is_span = members[position + 1 : position + 2] == "-" and position + 2 < len(members)
        last = position + 2 if is_span else position
        spans.append(sorted((members[position], members[last])))
        position = last + 1
    return lambda character: any(low <= character <= high for low, high in spans) != negated
