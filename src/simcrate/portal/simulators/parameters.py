"""Parameters of a simulator's template ini: what a form asks for, and the ini that the answers make.

Only numbers within their range and words of a list get into an ini, so that no answer can be more than
a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from simcrate.errors import BadInputError

MOST_VALUES = 100
"""Of one parameter in one simulation."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"@([A-Za-z][A-Za-z0-9_]*)@")
_WORD = re.compile(r"[\w.+-]+")
_UNIT = re.compile(r"[A-Za-z]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that users choose: a number within a range, or one of some words."""

    name: str
    """As the template has it between two `@`."""
    label: str = ""
    """For people; empty: the name."""
    default: str
    unit: str = ""
    """Written after each number."""
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    """Words to choose from; none: it is a number."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInputError(f"parameter {self.name!r}: a name is letters, digits and _")
        if not _UNIT.fullmatch(self.unit) or not all(map(_WORD.fullmatch, self.choices)):
            message = f"parameter '{self.name}': units are letters, choices are single words"
            raise BadInputError(message)
        self.values(self.default)

    def values(self, answer: str) -> list[str]:
        """The values of an answer, which separates several by commas: each is run.

        Raises:
            BadInputError: one of them is not allowed; says which are.
        """
        words = [word.strip() for word in answer.split(",")]
        if len(words) > MOST_VALUES:
            raise BadInputError(f"at most {MOST_VALUES} values, not {len(words)}")
        return [self._value(word) for word in words]

    def _value(self, word: str) -> str:
        if self.choices:
            if word not in self.choices:
                raise BadInputError(f"{word!r} is none of {', '.join(self.choices)}")
            return word
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not self.least <= number <= self.most:
            raise BadInputError(f"{word!r} is no {self._wanted}")
        return f"{number:.15g}{self.unit}"

    @property
    def _wanted(self) -> str:
        bounds = [
            *([f"from {self.least:g}"] if math.isfinite(self.least) else []),
            *([f"up to {self.most:g}"] if math.isfinite(self.most) else []),
        ]
        return " ".join(["number", *bounds])

    @property
    def hint(self) -> str:
        """What can be answered, for people."""
        wanted = f"One of {', '.join(self.choices)}" if self.choices else f"A {self._wanted}"
        unit = f", in {self.unit}" if self.unit else ""
        return f"{wanted}{unit}; several, separated by commas, are run one by one."


def read_parameters(value: object) -> tuple[Parameter, ...]:
    """Parameters from their JSON or TOML.

    Raises:
        BadInputError: what is wrong, with the name of the parameter.
    """
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise BadInputError("parameters are a list of tables")
    parameters = tuple(map(_read, value))
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise BadInputError("a parameter is there twice")
    return parameters


def fill(template: str, parameters: Sequence[Parameter], answers: Mapping[str, str]) -> str:
    """The ini of a template; several values of a parameter become an iteration.

    Raises:
        BadInputError: an answer is not allowed, or the template asks for what no parameter gives.
    """
    values = {each.name: _as_value(each, answers[each.name]) for each in parameters}
    if unknown := placeholders(template) - values.keys():
        raise BadInputError(
            f"the template asks for {', '.join(sorted(unknown))}: no such parameter"
        )
    text = template.replace("\r\n", "\n")  # as browsers send it
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def placeholders(template: str) -> set[str]:
    """The names between two `@`."""
    return set(_PLACEHOLDER.findall(template))


def _read(table: Mapping[str, Any]) -> Parameter:
    known = {field.name for field in fields(Parameter)}
    name = str(table.get("name", ""))
    if unknown := sorted(table.keys() - known):
        message = f"parameter '{name}': unknown keys: {', '.join(unknown)} (known: {', '.join(sorted(known))})"
        raise BadInputError(message)
    given = {**table, "name": name, "default": str(table.get("default", ""))}
    given["choices"] = tuple(map(str, table.get("choices", ())))
    try:
        given |= {key: float(table[key]) for key in ("least", "most") if key in table}
        return Parameter(**given)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"parameter '{name}': {error}") from error


def _as_value(parameter: Parameter, answer: str) -> str:
    values = parameter.values(answer)
    if len(values) == 1:
        return values[0]
    return f"${{{parameter.name}={', '.join(values)}}}"
