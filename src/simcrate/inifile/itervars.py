"""The iteration variables that the entries of a configuration define."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from simcrate.errors import IniError
from simcrate.inifile.effort import Effort
from simcrate.inifile.faults import excerpt, placed
from simcrate.inifile.iteration import Variable
from simcrate.inifile.reader import Entry
from simcrate.inifile.variables import PREDEFINED, Placeholder, find_placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationVariables:
    """What `${…}` define in a configuration."""

    variables: tuple[Variable, ...]
    """In the order in which they appear."""

    placeholders: Mapping[int, tuple[Placeholder, ...]]
    """Index of an entry: its `${…}`, left to right, unnamed variables named `0`, `1`, …"""


def collect_variables(entries: Sequence[Entry], effort: Effort) -> IterationVariables:
    """Find all iteration variables; unnamed ones get numbers as names, as OMNeT++ gives them.

    Raises:
        IniError: a `${…}` does not parse, a variable is defined twice or has a predefined name; there is
            too much to go through.
    """
    variables: dict[str, Variable] = {}
    placeholders: dict[int, tuple[Placeholder, ...]] = {}
    numbers = map(str, count())
    effort.spend(len(entries))
    for index, entry in enumerate(entries):
        if "${" not in entry.value:
            continue
        with placed(entry.file, entry.line):
            effort.spend(len(entry.value))
            placeholders[index] = tuple(
                placeholder if placeholder.name else replace(placeholder, name=next(numbers))
                for placeholder in find_placeholders(entry.value)
            )
            for placeholder in placeholders[index]:
                if placeholder.values:
                    _refuse_clash(placeholder.name, variables)
                    variables[placeholder.name] = _variable(placeholder, entry)
    return IterationVariables(variables=tuple(variables.values()), placeholders=placeholders)


def _variable(placeholder: Placeholder, entry: Entry) -> Variable:
    return Variable(
        name=placeholder.name,
        values=placeholder.values,
        parallel=placeholder.parallel,
        file=entry.file,
        line=entry.line,
    )


def _refuse_clash(name: str, variables: Mapping[str, Variable]) -> None:
    if name in PREDEFINED:
        message = f"iteration variable ${excerpt(name)}: the name is taken by a predefined variable"
        raise IniError(message)
    if name in variables:
        first = variables[name]
        message = f"iteration variable ${excerpt(name)} is defined twice, first in {first.file}:{first.line}"
        raise IniError(message)
