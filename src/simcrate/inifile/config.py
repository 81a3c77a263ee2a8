"""One configuration of an ini file: its entries in the order of search, its runs, effective values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from simcrate.errors import IniError
from simcrate.inifile.effort import Effort, bearable_count
from simcrate.inifile.expression import evaluate_condition, evaluate_number
from simcrate.inifile.faults import excerpt, placed
from simcrate.inifile.iteration import LoopNest, Variable
from simcrate.inifile.itervars import IterationVariables, collect_variables
from simcrate.inifile.patterns import compiled
from simcrate.inifile.reader import Entry
from simcrate.inifile.runs import REPETITION, Run, parse_run_numbers
from simcrate.inifile.variables import (
    find_placeholders,
    substitute_placeholders,
    substitute_references,
    unquote,
)

MOST_SELECTED = 100_000  # runs in one answer

_LABELS = {
    "experiment": ("experiment-label", "${configname}"),
    "measurement": ("measurement-label", "${iterationvars}"),
    "replication": ("replication-label", "#${repetition}"),
}
"""Variable: (the option that sets it, its default)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInfo:
    """What a person who chooses a configuration wants to know."""

    name: str
    description: str
    """Empty when none is given."""

    network: str
    """The network that it sets up; empty when none is set, then it cannot be run."""

    extends: tuple[str, ...]
    """Sections that it falls back to, in the order of search, without itself."""

    file: str
    line: int
    """Where its section begins; 0 for a General that has no section."""


class Config:
    """A configuration; made by `IniFile.config`."""

    def __init__(
        self,
        info: ConfigInfo,
        entries: tuple[Entry, ...],
        *,
        inifile: str,
        effort: Effort | None = None,
    ) -> None:
        self.info = info
        self.inifile = inifile
        self._entries = entries
        self._effort = effort

    @property
    def name(self) -> str:
        """Name of its section, without `Config`."""
        return self.info.name

    @property
    def run_count(self) -> int:
        """How many runs it has.

        Raises:
            IniError: iteration variables or constraint cannot be understood; more than a million runs.
        """
        with self._placed():
            return self._loops.count()

    def runs(self) -> Iterator[Run]:
        """All runs, one at a time, in OMNeT++'s order.

        Raises:
            IniError: as `run_count`.
        """
        with self._placed():
            for number, values in enumerate(self._loops):
                yield self._make_run(number, values)

    def run(self, number: int) -> Run:
        """The run of that number.

        Raises:
            IniError: there is none; or as `run_count`.
        """
        with self._placed():
            values = self._loops.values_of(number) if number >= 0 else None
            if values is None:
                message = f"config {excerpt(self.name)} has no run {number}: it has {self.run_count}, counted from 0"
                raise IniError(message)
            return self._make_run(number, values)

    def select(self, run_filter: str = "") -> tuple[Run, ...]:
        """The runs that a filter selects.

        Args:
            run_filter: numbers and spans (`0,2,5..7`), or a condition over iteration variables and
                predefined variables (`$numHosts>=15 && $iaMean==2`); `*` or nothing for all.

        Raises:
            IniError: it does not parse, selects nothing, or has more than 100,000 runs to deal with.
        """
        text = run_filter.strip()
        with self._placed():
            chosen = tuple(self._chosen(text))
            if not chosen:
                matches = f'no run that matches the filter "{excerpt(text)}"' if text else "no runs"
                message = f"config {excerpt(self.name)} has {matches}"
                raise IniError(message)
            return chosen

    def value(self, key: str, run: Run | None = None) -> str | None:
        """The effective value of a key; None when nothing sets it.

        Args:
            key: an option (`sim-time-limit`), a parameter's full path (`OppNet.node[3].ttl`), which is
                matched against the patterns of the keys, or such a pattern as it is written.
            run: whose values replace `${…}`; without it the text is as in the file.
        """
        index = self._find(key)
        if index is None:
            return None
        if run is None or "${" not in self._entries[index].value:
            return self._entries[index].value
        return self._resolve(index, self.variables(run)).value

    def entries(
        self, run: Run | None = None, process: Mapping[str, str] | None = None
    ) -> tuple[Entry, ...]:
        """All entries in the order of search; the first that matches a key is effective.

        Args:
            run: whose values replace `${…}`; without it the texts are as in the file.
            process: as in `variables`.
        """
        if run is None:
            return self._entries
        variables = self.variables(run, process)
        effort = Effort()
        return tuple(self._resolve(index, variables, effort) for index in range(len(self._entries)))

    def variables(self, run: Run, process: Mapping[str, str] | None = None) -> dict[str, str]:
        """Values of all variables that `${…}` may name in a run.

        Args:
            run: the run.
            process: those that only a running simulator knows: runid, processid, datetime, datetimef.
        """
        known = {
            **(process or {}),
            REPETITION: str(run.repetition),
            "inifile": self.inifile,
            "configname": self.name,
            "runnumber": str(run.number).zfill(int(self._number("runnumber-width", "0"))),
            "iterationvars": run.iterationvars,
            "iterationvarsf": run.iterationvarsf,
            "iterationvarsd": run.iterationvarsd,
            "seedset": str(run.seed_set),
            **run.itervars,
        }
        known["description"] = self._text("description", "", known)
        known["network"] = self._text("network", "", known)
        known["resultdir"] = self._text("result-dir", "results", known)
        if self._text("resultdir-subdivision", "false", known) == "true":
            known["resultdir"] += f"/{self.name}/{run.iterationvarsd}"
        for name, (option, default) in _LABELS.items():
            known[name] = self._text(option, default, known)
        return known

    @cached_property
    def _itervars(self) -> IterationVariables:
        return collect_variables(self._entries, self._effort or Effort())

    @cached_property
    def _places(self) -> dict[str, int]:
        """Key: index of the first entry that has it."""
        return {entry.key: i for i, entry in reversed(list(enumerate(self._entries)))}

    @cached_property
    def _loops(self) -> LoopNest:
        repeat = self._number("repeat", "1")
        repetition = Variable(name=REPETITION, values=f"0..{repeat - 1:.0f}")
        return LoopNest(
            (*self._itervars.variables, repetition),
            constraint=unquote(self._option("constraint", "")),
            nesting=unquote(self._option("iteration-nesting-order", "")),
            effort=self._effort,
        )

    def _make_run(self, number: int, values: Mapping[str, str]) -> Run:
        itervars = {name: value for name, value in values.items() if name != REPETITION}
        repetition = int(values[REPETITION])
        known = {"runnumber": str(number), REPETITION: str(repetition), **itervars}
        seed_set = self._number("seed-set", "${runnumber}", known)
        return Run(number=number, itervars=itervars, repetition=repetition, seed_set=int(seed_set))

    def _chosen(self, text: str) -> Iterable[Run]:
        if text in ("", "*"):
            self._refuse_too_many(self.run_count, MOST_SELECTED)
            return self.runs()
        numbers = parse_run_numbers(text, self.run_count)
        if numbers is not None:
            self._refuse_too_many(len(numbers), MOST_SELECTED)
            return self._numbered(numbers)
        self._refuse_too_many(self.run_count, min(MOST_SELECTED, bearable_count(len(text))))
        effort = Effort()
        return (run for run in self.runs() if self._accepts(run, text, effort))

    def _numbered(self, numbers: Sequence[int]) -> Iterable[Run]:
        if self._loops.is_regular:
            return (self.run(number) for number in numbers)
        wanted = frozenset(numbers)  # found by going through the loops, which is done once for all
        runs = islice(self.runs(), max(numbers, default=-1) + 1)
        found = {run.number: run for run in runs if run.number in wanted}
        return (found[number] for number in numbers)

    def _accepts(self, run: Run, condition: str, effort: Effort) -> bool:
        try:
            text = substitute_references(condition, self.variables(run))
            effort.spend(len(text))
            return evaluate_condition(text)
        except IniError as error:
            message = f'run filter "{excerpt(condition)}": {error}'
            raise IniError(message) from error

    def _refuse_too_many(self, count: int, at_most: int) -> None:
        if count > at_most:
            message = f"more than {at_most:,} runs of config {excerpt(self.name)} at once; select some by number"
            raise IniError(message)

    def _find(self, key: str) -> int | None:
        if "." not in key:
            return self._places.get(key)
        for index, entry in enumerate(self._entries):
            if entry.key == key or _matches(entry, key):
                return index
        return None

    def _resolve(
        self, index: int, variables: Mapping[str, str], effort: Effort | None = None
    ) -> Entry:
        entry = self._entries[index]
        if "${" not in entry.value:
            return entry
        placeholders = self._itervars.placeholders[index]
        with placed(entry.file, entry.line):
            value = substitute_placeholders(entry.value, placeholders, variables)
            if effort:
                effort.spend(len(value))
            return replace(entry, value=value)

    def _option(self, key: str, default: str, known: Mapping[str, str] | None = None) -> str:
        index = self._find(key)
        if index is not None:
            return self._resolve(index, known or {}).value
        return substitute_placeholders(default, find_placeholders(default), known or {})

    def _text(self, key: str, default: str, known: Mapping[str, str]) -> str:
        return unquote(self._option(key, default, known))

    def _number(self, key: str, default: str, known: Mapping[str, str] | None = None) -> float:
        text = self._option(key, default, known)
        if text.isdecimal() and len(text) < 10:
            return float(text)  # the usual case, for every run of a study
        index = self._find(key)
        entry = self._entries[index or 0]
        with placed(entry.file, entry.line):
            number = evaluate_number(text)
            if not (number.is_integer() and 0 <= number < 2**31):
                message = f"{key} = {excerpt(text)}: a whole number from 0 to 2147483647 is needed"
                raise IniError(message)
            return number

    def _placed(self) -> AbstractContextManager[None]:
        return placed(self.info.file, self.info.line)


def _matches(entry: Entry, path: str) -> bool:
    if "." not in entry.key and "*" not in entry.key:
        return False  # an option of the whole simulation
    with placed(entry.file, entry.line):
        return compiled(entry.key).matches(path)
