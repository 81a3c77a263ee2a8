"""The loops that iteration variables make: how many runs there are, and the values of each.

A loop nest is never unrolled in memory.  Without a constraint and without variables in other variables'
values, runs are counted and found by arithmetic, up to the million at which OMNeT++ gives up; otherwise
by going through the loops, which is given up when it would take more than some seconds.

Source: OMNeT++ Simulation Manual, section "Parameter studies"; the order of runs is that of recorded
result files (last variable innermost, `repetition` innermost of all).
"""

from __future__ import annotations

import math
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from typing import Protocol

from simcrate.errors import IniError
from simcrate.inifile.effort import Effort
from simcrate.inifile.expression import evaluate_condition, evaluate_number
from simcrate.inifile.faults import excerpt, listed, placed
from simcrate.inifile.variables import find_references, split_list, substitute_references

MOST_VARIABLES = 100
MOST_RUNS = 1_000_000

_STEP = re.compile(r"(?<!\w)step(?!\w)")
_TOLERANCE = 1.000001  # steps; without it 1..9 step 0.1 would end at 8.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One iteration variable as written."""

    name: str
    """Its own name, or a number for an unnamed one."""

    values: str
    """The list of values."""

    parallel: str = ""
    """The variable that it advances with; empty when it is a loop of its own."""

    file: str = ""
    line: int = 0
    """Where it is defined."""

    @property
    def references(self) -> frozenset[str]:
        """Variables that must have a value before this one gets its own."""
        names = set(find_references(self.values))
        return frozenset(names | {self.parallel} if self.parallel else names)


class Values(Protocol):
    """Texts in a fixed order, which need not be in memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> str: ...
    def __iter__(self) -> Iterator[str]: ...


class Range:
    """The values of `from..to step s`, computed when asked for."""

    def __init__(self, first: float, last: float, step: float) -> None:
        self._first = first
        self._step = step
        length = (last - first + _TOLERANCE * step) / step if step else math.nan
        if not math.isfinite(length):
            message = f"range {first:g}..{last:g} step {step:g} has no end"
            raise IniError(message)
        self._count = max(0, math.floor(min(length, sys.maxsize)))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> str:
        if not 0 <= index < self._count:
            raise IndexError(index)
        return f"{self._first + self._step * index:g}"

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(self._count))


class Chain:
    """Several rows of values one after the other."""

    def __init__(self, parts: Sequence[Values]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int, /) -> str:
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = bisect_right(self._ends, index)
        return self._parts[place][index - self._ends[place - 1] if place else index]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._parts)


def expand(values: str) -> Values:
    """The values that a list such as `1, 5..8, 10..100 step 10, "a"` stands for.

    Raises:
        IniError: the list does not parse, or a range has no numbers or no end.
    """
    return Chain([_expand_item(item) for item in split_list(values)])


class LoopNest:
    """All loops of a configuration, outermost first.

    Args:
        variables: in the order in which they appear; `repetition` last.
        constraint: a condition over variables that runs must fulfil; empty for none.
        nesting: `iteration-nesting-order`; empty for the order of appearance.
        effort: what going through the loops may cost; without it, every time as much as `Effort` allows.

    Raises:
        IniError: unknown or circular references, a parallel variable that is too short, a list that
            does not parse.
    """

    def __init__(
        self,
        variables: Sequence[Variable],
        *,
        constraint: str = "",
        nesting: str = "",
        effort: Effort | None = None,
    ) -> None:
        if len(variables) > MOST_VARIABLES:
            message = f"more than {MOST_VARIABLES} iteration variables"
            raise IniError(message)
        self._constraint = constraint
        self._effort = effort
        self.variables = _in_loop_order(variables, nesting)
        self._fixed = {
            variable.name: _expand_variable(variable)
            for variable in self.variables
            if not find_references(variable.values)
        }
        self._check_parallel()

    @property
    def is_regular(self) -> bool:
        """Whether runs can be counted and found by arithmetic."""
        return not self._constraint and len(self._fixed) == len(self.variables)

    def count(self) -> int:
        """How many runs there are.

        Raises:
            IniError: there are too many; the constraint cannot be evaluated.
        """
        if not self.is_regular:
            return sum(1 for _ in self)
        lengths = (len(self._fixed[variable.name]) for variable in self._loops)
        runs = math.prod(lengths)
        if runs > MOST_RUNS:
            message = f"more than {MOST_RUNS:,} runs; shorten the lists of values or repeat"
            raise IniError(message)
        return runs

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Values by name, run after run.

        Raises:
            IniError: as `count`.
        """
        effort = self._effort or Effort()
        for values in self._rounds(0, {}, {}, effort):
            if not self._constraint or self._holds(values, effort):
                yield values

    def values_of(self, number: int) -> dict[str, str] | None:
        """Values of one run; None when there are not so many.

        Raises:
            IniError: as `count`.
        """
        if not self.is_regular:
            return next(islice(self, number, None), None)
        positions: dict[str, int] = {}
        remaining = number
        for variable in reversed(self._loops):
            remaining, positions[variable.name] = divmod(
                remaining, max(len(self._fixed[variable.name]), 1)
            )
        if remaining or number >= self.count():
            return None
        for variable in self.variables:
            if variable.parallel:
                positions[variable.name] = positions[variable.parallel]
        return {v.name: self._fixed[v.name][positions[v.name]] for v in self.variables}

    @property
    def _loops(self) -> list[Variable]:
        return [variable for variable in self.variables if not variable.parallel]

    def _rounds(
        self, depth: int, values: dict[str, str], positions: dict[str, int], effort: Effort
    ) -> Iterator[dict[str, str]]:
        if depth == len(self.variables):
            yield dict(values)
            return
        variable = self.variables[depth]
        choices = self._choices(variable, values, effort)
        if variable.parallel:
            position = positions[variable.parallel]
            if position >= len(choices):
                raise _too_short(variable)
            places: Sequence[int] = (position,)
        else:
            places = range(len(choices))
        for position in places:
            effort.spend(0)
            values[variable.name] = choices[position]
            positions[variable.name] = position
            yield from self._rounds(depth + 1, values, positions, effort)

    def _choices(self, variable: Variable, values: Mapping[str, str], effort: Effort) -> Values:
        if variable.name in self._fixed:
            return self._fixed[variable.name]
        return _expand_with(variable, values, effort)

    def _holds(self, values: Mapping[str, str], effort: Effort) -> bool:
        condition = substitute_references(self._constraint, values)
        effort.spend(len(condition))
        return evaluate_condition(condition)

    def _check_parallel(self) -> None:
        for variable in self.variables:
            both = {variable.name, variable.parallel} <= self._fixed.keys()
            if both and len(self._fixed[variable.name]) < len(self._fixed[variable.parallel]):
                raise _too_short(variable)


def _expand_variable(variable: Variable) -> Values:
    with placed(variable.file, variable.line):
        return expand(variable.values)


def _expand_with(variable: Variable, known: Mapping[str, str], effort: Effort) -> Values:
    """The values of a variable that refers to others, which have these values."""
    items = []
    with placed(variable.file, variable.line):
        for item in split_list(variable.values):
            text = substitute_references(item, known)
            effort.spend(len(item) + len(text))
            items.append(_expand_item(text))
    return Chain(items)


def _expand_item(item: str) -> Values:
    first, dots, rest = item.partition("..")
    if not dots:
        return (item,)
    last, *step = _STEP.split(rest, maxsplit=1)
    try:
        return Range(
            evaluate_number(first), evaluate_number(last), evaluate_number(step[0]) if step else 1.0
        )
    except IniError as error:
        message = f"range {excerpt(item)}: {error}; write <number>..<number> [step <number>], units go after ${{}}"
        raise IniError(message) from error


def _in_loop_order(variables: Sequence[Variable], nesting: str) -> tuple[Variable, ...]:
    """Outermost first: as asked, but never before a variable that is referred to."""
    by_name = {variable.name: variable for variable in variables}
    for variable in variables:
        if unknown := variable.references - by_name.keys():
            message = f"variable ${excerpt(sorted(unknown)[0])}, which ${excerpt(variable.name)} refers to, is not defined"
            raise IniError(message, file=variable.file, line=variable.line)
    waiting = _asked_order(list(by_name), nesting)
    ordered: list[Variable] = []
    while waiting:
        ready = next((n for n in waiting if by_name[n].references.isdisjoint(waiting)), None)
        if ready is None:
            message = f"variables refer to each other in a circle: {listed([f'${name}' for name in waiting])}"
            raise IniError(message)
        waiting.remove(ready)
        ordered.append(by_name[ready])
    return tuple(ordered)


def _asked_order(names: list[str], nesting: str) -> list[str]:
    asked = split_list(nesting)
    if unknown := [name for name in asked if name != "*" and name not in names]:
        message = f"iteration-nesting-order: no such variable: ${excerpt(unknown[0])} (there is: {listed([f'${name}' for name in names])})"
        raise IniError(message)
    if asked.count("*") > 1:
        message = "iteration-nesting-order: only one * may be given"
        raise IniError(message)
    place = asked.index("*") if "*" in asked else len(asked)
    others = [name for name in names if name not in asked]
    return [*asked[:place], *others, *asked[place + 1 :]]


def _too_short(variable: Variable) -> IniError:
    return IniError(
        f"parallel variable ${excerpt(variable.name)} has fewer values than ${excerpt(variable.parallel)}, which it advances with",
        file=variable.file,
        line=variable.line,
    )
