r"""OMNeT++'s glob patterns, as filters of result items use them.

    ?           any character
    *  **       any characters
    {a-z_}      one of these characters; {^a-z} none of them
    {10..20}    a number in that range, either end may be missing
    [10..20]    the same, in square brackets
    \x          x itself

A pattern matches a whole text; case counts.  (Ini files tell `*` from `**`; filters do not.)

Source: OMNeT++ Simulation Manual, chapter "Configuring Simulations", section "Wildcard Patterns".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from simcrate.errors import BadInputError

MAX_PATTERN_LENGTH = 1000

_RANGE = r"[0-9]*\.\.[0-9]*"
_ELEMENT = re.compile(
    rf"(?P<stars>\*+)|(?P<any>\?)|\{{(?P<number>{_RANGE})\}}|\[(?P<index>{_RANGE})\]"
    r"|\{\^(?P<outside>\}?[^}]*)\}|\{(?P<inside>\}?[^}]*)\}"
    r"|\\(?P<escaped>.)|(?P<literal>[^*?{\\\[]+|\[)",
    re.DOTALL,
)
_DIGITS = re.compile(r"[0-9]+")

Step = Callable[[str, set[int]], set[int]]
"""From the positions in a text that are reached to those that one more element reaches."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a text matches; its cost grows with the text, never faster.

    Raises:
        BadInputError: a brace is not closed, or the pattern is longer than any sensible one.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        message = f"could not use a pattern of {len(pattern)} characters; at most {MAX_PATTERN_LENGTH} are taken"
        raise BadInputError(message)
    steps: list[Step] = []
    position = 0
    while position < len(pattern):
        found = _ELEMENT.match(pattern, position)
        if found is None:
            message = f"could not use the pattern {pattern!r}: expected something to end {pattern[position:]!r}"
            raise BadInputError(message)
        steps.append(_step(found))
        position = found.end()
    return lambda text: _matches(steps, text)


def _matches(steps: list[Step], text: str) -> bool:
    positions = {0}
    for step in steps:
        positions = step(text, positions)
        if not positions:
            return False
    return len(text) in positions


def _step(found: re.Match[str]) -> Step:
    kind, text = found.lastgroup, found[found.lastgroup or 0]
    match kind:
        case "stars":
            return lambda line, positions: set(range(min(positions), len(line) + 1))
        case "any":
            return lambda line, positions: {at + 1 for at in positions if at < len(line)}
        case "inside" | "outside":
            return _character_step(_characters(text), inside=kind == "inside")
        case "number":
            return _number_step(text, "", "")
        case "index":
            return _number_step(text, "[", "]")
        case _:
            return lambda line, positions: {
                at + len(text) for at in positions if line.startswith(text, at)
            }


def _character_step(ranges: list[tuple[str, str]], *, inside: bool) -> Step:
    def fits(character: str) -> bool:
        return any(low <= character <= high for low, high in ranges) == inside

    return lambda line, positions: {at + 1 for at in positions if at < len(line) and fits(line[at])}


def _characters(text: str) -> list[tuple[str, str]]:
    return [(found[0][0], found[0][-1]) for found in re.finditer(r".-[^-]|.", text, re.DOTALL)]


def _number_step(text: str, before: str, after: str) -> Step:
    low, high = (int(bound) if bound else None for bound in text.split(".."))

    def end_of_number(line: str, at: int) -> int | None:
        digits = _DIGITS.match(line, at + len(before)) if line.startswith(before, at) else None
        if digits is None or not line.startswith(after, digits.end()):
            return None
        number = int(digits[0][:18])
        is_in_range = (low is None or number >= low) and (high is None or number <= high)
        return digits.end() + len(after) if is_in_range else None

    return lambda line, positions: {
        end for at in positions if (end := end_of_number(line, at)) is not None
    }
