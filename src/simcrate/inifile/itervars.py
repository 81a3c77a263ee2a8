"""The iteration variables that the entries of a configuration define."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simcrate.errors import IniError
from simcrate.inifile.faults import placed
from simcrate.inifile.iteration import Variable
from simcrate.inifile.reader import Entry
from simcrate.inifile.variables import PREDEFINED, Placeholder, find_placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationVariables:
    """What `${…}` define in a configuration."""

    variables: tuple[Variable, ...]
    """In the order in which they appear."""

    unnamed: Mapping[int, tuple[str, ...]]
    """Index of an entry: the names (`0`, `1`, …) given to its unnamed variables, left to right."""


def collect_variables(entries: Sequence[Entry]) -> IterationVariables:
    """Find all iteration variables; unnamed ones get numbers as names, as OMNeT++ gives them.

    Raises:
        IniError: a `${…}` does not parse, a variable is defined twice or has a predefined name.
    """
    variables: dict[str, Variable] = {}
    unnamed: dict[int, tuple[str, ...]] = {}
    numbered = 0
    for index, entry in enumerate(entries):
        with placed(entry.file, entry.line):
            for placeholder in find_placeholders(entry.value):
                if not placeholder.values:
                    continue
                name = placeholder.name
                if not name:
                    name = str(numbered)
                    numbered += 1
                    unnamed[index] = (*unnamed.get(index, ()), name)
                _refuse_clash(name, variables)
                variables[name] = _variable(name, placeholder, entry)
    return IterationVariables(variables=tuple(variables.values()), unnamed=unnamed)


def _variable(name: str, placeholder: Placeholder, entry: Entry) -> Variable:
    return Variable(
        name=name,
        values=placeholder.values,
        parallel=placeholder.parallel,
        file=entry.file,
        line=entry.line,
    )


def _refuse_clash(name: str, variables: Mapping[str, Variable]) -> None:
    if name in PREDEFINED:
        message = f"iteration variable ${name}: the name is taken by a predefined variable"
        raise IniError(message)
    if name in variables:
        first = variables[name]
        message = f"iteration variable ${name} is defined twice, first in {first.file}:{first.line}"
        raise IniError(message)
