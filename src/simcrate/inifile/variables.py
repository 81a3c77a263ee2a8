"""The `${...}` of values: iteration variables and references to variables.

    ${5, 10..50 step 10}      an unnamed iteration variable
    ${N=5, 10}                a named one
    ${ia=1s, 2s ! N}          one that advances in parallel with N
    ${N}                      a reference

Source: OMNeT++ Simulation Manual, section "Parameter studies".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from simcrate.errors import IniError
from simcrate.inifile.effort import refuse_too_long
from simcrate.inifile.faults import excerpt, listed
from simcrate.inifile.lines import string_end

PREDEFINED = (
    "runid",
    "inifile",
    "configname",
    "runnumber",
    "description",
    "network",
    "experiment",
    "measurement",
    "replication",
    "processid",
    "datetime",
    "datetimef",
    "resultdir",
    "repetition",
    "seedset",
    "iterationvars",
    "iterationvarsf",
    "iterationvarsd",
)
"""Variables that OMNeT++ defines for every run; no iteration variable may have such a name."""

_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*")
_PARALLEL = re.compile(r"!\s*([A-Za-z_]\w*)\s*$")
_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*|\d+)|\{\s*([A-Za-z_]\w*|\d+)\s*\})")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """One `${...}` in a value."""

    start: int
    """Position of the dollar sign."""

    end: int
    """Position after the closing brace."""

    name: str
    """Name of the variable; empty for an unnamed iteration variable."""

    values: str
    """What it iterates over; empty for a reference."""

    parallel: str
    """Name of the variable that it advances with; empty when it is a loop of its own."""


def find_placeholders(value: str) -> Iterator[Placeholder]:
    """All `${...}` of a value, from left to right.

    Raises:
        IniError: one is not closed, or is neither a reference nor an iteration.
    """
    start = value.find("${")
    while start >= 0:
        placeholder = _parse(value, start)
        yield placeholder
        start = value.find("${", placeholder.end)


def substitute_placeholders(
    value: str, placeholders: Iterable[Placeholder], variables: Mapping[str, str]
) -> str:
    """Replace every `${...}` by the value of its variable.

    Args:
        value: the text.
        placeholders: those of the text, from left to right, all with names.
        variables: values; a reference to a variable that is not among them stays as it is.

    Raises:
        IniError: the text becomes too long.
    """
    parts = []
    position = 0
    for placeholder in placeholders:
        parts.append(value[position : placeholder.start])
        as_written = value[placeholder.start : placeholder.end]
        parts.append(variables.get(placeholder.name, as_written))
        position = placeholder.end
    parts.append(value[position:])
    return join_texts(parts)


def find_references(text: str) -> list[str]:
    """Names of the variables that an expression refers to as `$name` or `${name}`."""
    return [match[1] or match[2] for match in _REFERENCE.finditer(text)]


def substitute_references(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$name` and `${name}` by values, as text.

    Raises:
        IniError: a variable is not defined, or the text becomes too long.
    """
    parts: list[str] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        name = match[1] or match[2]
        if name not in variables:
            message = (
                f"no such variable: ${excerpt(name)} (there is: {listed(variables) or 'none'})"
            )
            raise IniError(message)
        parts += text[position : match.start()], variables[name]
        position = match.end()
    return join_texts([*parts, text[position:]]) if parts else text


def join_texts(parts: Sequence[str]) -> str:
    """The text that the pieces make, whose length is known before it is made.

    Raises:
        IniError: it is too long.
    """
    refuse_too_long(sum(map(len, parts)))
    return "".join(parts)


def split_list(text: str, separator: str = ",") -> list[str]:
    """Items of a list, trimmed; separators in strings and brackets do not count; no empty items.

    Raises:
        IniError: a string or a bracket is not closed.
    """
    items = []
    start = position = 0
    while position <= len(text):
        if position == len(text) or text[position] == separator:
            items.append(text[start:position].strip())
            start = position = position + 1
        else:
            position = _skip(text, position)
    return [item for item in items if item]


def unquote(text: str) -> str:
    """The characters of a string constant; any other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _parse(value: str, start: int) -> Placeholder:
    end = _matching(value, start + 1)
    inner = value[start + 2 : end - 1]
    name, values = _name_and_values(inner)
    parallel = ""
    if (match := _PARALLEL.search(values)) is not None:
        values, parallel = values[: match.start()], match[1]
    if not name and not values.strip():
        message = f"empty ${{}} in {excerpt(value)}; write a variable's name or a list of values"
        raise IniError(message)
    return Placeholder(start=start, end=end, name=name, values=values.strip(), parallel=parallel)


def _name_and_values(inner: str) -> tuple[str, str]:
    match = _NAME.match(inner)
    if match is None:
        return "", inner
    rest = inner[match.end() :]
    if not rest:
        return match[1], ""
    if rest[0] == "=" and rest[1:2] != "=":
        return match[1], rest[1:]
    if "," in rest:
        return "", inner
    message = f'missing "=" after the variable\'s name in ${{{excerpt(inner)}}}'
    raise IniError(message)


def _matching(text: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`."""
    awaited = [_CLOSERS[text[start]]]
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == '"':
            position = string_end(text, position)
            continue
        if character in _CLOSERS:
            awaited.append(_CLOSERS[character])
        elif character == awaited[-1]:
            awaited.pop()
        position += 1
        if not awaited:
            return position
    message = f'missing "{awaited[0]}" for "{text[start]}" in {excerpt(text[max(start - 1, 0) :])}'
    raise IniError(message)


def _skip(text: str, position: int) -> int:
    """The next position to look at: after a string, after a bracketed part, or one further."""
    if text[position] == '"':
        return string_end(text, position)
    if text[position] in _CLOSERS:
        return _matching(text, position)
    return position + 1
