"""Every text that a value can become when its `${…}` are replaced.

Replacement is textual and happens before a value is parsed, so pieces can make what none of them is:
`${a=read}File("/etc/passwd")`, or a description that closes the string it is put into.  Whoever judges
values has to look at all of these texts.  Numbers are all alike for that purpose and become `0`.

Source: measured behaviour of OMNeT++ 6; OMNeT++ Simulation Manual, section "Parameter studies".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import product

from simcrate.errors import IniError
from simcrate.inifile.document import IniFile
from simcrate.inifile.effort import Effort
from simcrate.inifile.variables import (
    find_placeholders,
    find_references,
    join_texts,
    split_list,
    substitute_references,
    unquote,
)

MOST_COMBINATIONS = 1000  # of the texts that one value can become
MOST_NESTED = 8  # variables whose values refer to variables

_NUMBER = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?[A-Za-z]*")
_NUMERIC = frozenset({"runnumber", "repetition", "seedset", "processid", "datetime", "datetimef"})
_OPTIONS = {
    "description": "description",
    "network": "network",
    "resultdir": "result-dir",
    "experiment": "experiment-label",
    "measurement": "measurement-label",
    "replication": "replication-label",
}
"""Predefined variable: the option whose text it has."""


class Expansions:
    """Knows all that the variables of an ini file can stand for, whichever configuration runs.

    Args:
        ini: the file with everything that it includes.
    """

    def __init__(self, ini: IniFile) -> None:
        self._lists: dict[str, list[str]] = {}
        self._texts: dict[str, list[str]] = {}
        self._known: dict[str, list[str]] = {}
        self._effort = Effort()
        self._names = ini.section_names
        self._file = ini.name
        for entry in ini.entries:
            self._note_lists(entry.value)
            for name, option in _OPTIONS.items():
                if entry.key == option:
                    self._texts.setdefault(name, []).append(unquote(entry.value))

    def of(self, value: str) -> Iterator[str]:
        """The value as written, then everything that it can become.

        Raises:
            IniError: a `${…}` does not parse, or there are too many texts, or too long ones, to look at.
        """
        yield value
        yield from self._expand(value, MOST_NESTED)

    def _note_lists(self, value: str) -> None:
        try:
            for placeholder in find_placeholders(value):
                if placeholder.values:
                    self._lists.setdefault(placeholder.name, []).append(placeholder.values)
        except IniError:
            return  # whoever asks for the texts of this value gets the error

    def _expand(self, value: str, depth: int) -> list[str]:
        if depth == 0:
            message = "variables refer to each other too deeply to check"
            raise IniError(message)
        parts: list[Sequence[str]] = []
        position = 0
        for placeholder in find_placeholders(value):
            parts.append([value[position : placeholder.start]])
            if placeholder.values:
                parts.append(self._items([placeholder.values], depth - 1))
            else:
                parts.append(self._variable(placeholder.name, depth - 1))
            position = placeholder.end
        parts.append([value[position:]])
        _refuse_too_many(parts)
        return [self._paid(join_texts(pieces)) for pieces in product(*parts)]

    def _variable(self, name: str, depth: int) -> list[str]:
        """All texts of a variable; one empty text if it is not defined, which simulators refuse."""
        if name not in self._known:
            texts = self._variable_texts(name, depth)
            _refuse_too_many([texts])
            self._known[name] = texts
        return self._known[name]

    def _variable_texts(self, name: str, depth: int) -> list[str]:
        if name in _NUMERIC:
            return ["0"]
        if name.startswith("iterationvars"):
            return self._items(self._lists.get("", []), depth)  # they stand there without a name
        if name in ("configname", "runid"):
            return list(self._names)
        if name == "inifile":
            return [self._file]
        if name in _OPTIONS:
            texts = [
                text for value in self._texts.get(name, []) for text in self._expand(value, depth)
            ]
            return sorted(
                {*texts, *self._names, ""}
            )  # labels are the configuration's name by default
        return self._items(self._lists.get(name, []), depth)

    def _items(self, lists: Sequence[str], depth: int) -> list[str]:
        texts = {
            text
            for values in lists
            for item in split_list(values)
            for text in self._item(item, depth)
        }
        return sorted(texts) or [""]

    def _item(self, item: str, depth: int) -> set[str]:
        if _NUMBER.fullmatch(item) or ".." in item:  # a range: its values are numbers
            return {"0"}
        names = sorted(set(find_references(item)))
        if names and depth == 0:
            message = "variables refer to each other too deeply to check"
            raise IniError(message)
        choices = [self._variable(name, depth - 1) for name in names]
        _refuse_too_many(choices)
        return {
            self._paid(substitute_references(item, dict(zip(names, texts, strict=True))))
            for texts in product(*choices)
        }

    def _paid(self, text: str) -> str:
        self._effort.spend(len(text))
        return text


def _refuse_too_many(choices: Sequence[Sequence[str]]) -> None:
    if math.prod(len(texts) for texts in choices) > MOST_COMBINATIONS:
        message = "too many combinations of variables to check; use fewer in one value"
        raise IniError(message)
