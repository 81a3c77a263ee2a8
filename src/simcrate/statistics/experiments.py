"""Notice points whose runs are of more than one experiment.

Runs of a point are taken for repetitions of each other.  Where directories of several experiments are read together,
they are not: a repetition is there twice, or runs differ in more than their seeds.

Source: definition 12 of docs/explanation/numbers.md.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from simcrate.results import Run
from simcrate.statistics.points import Point, point_of

_OPTIONS = {"network", "sim-time-limit", "warmup-period"}
_OWN_TEXTS = ("datetime", "datetimef")
_OWN_NUMBERS = ("repetition", "runnumber", "seedset", "processid")
_WHOLE_NUMBER = re.compile(r"\d+")


def mixed_points(runs: Sequence[Run]) -> Iterator[str]:
    """What makes runs of one point unfit to be pooled, one sentence for each."""
    for point, numbers in repeated_repetitions(runs).items():
        counted = ", ".join(map(str, numbers))
        yield (
            f"Repetition {counted} of {_name(point)} is there more than once: runs of several experiments, or one and "
            "its rerun, were read together, and their mean and interval mean nothing."
        )
    for point, group in _by_point(runs).items():
        if difference := _difference(group):
            yield (
                f"Runs of {_name(point)} differ in more than their seeds ({difference}): they are of several "
                "experiments, and their mean and interval mean nothing."
            )


def repeated_repetitions(runs: Sequence[Run]) -> dict[Point, list[int]]:
    """Points with several runs of one repetition, and the numbers of these repetitions."""
    found = {}
    for point, group in _by_point(runs).items():
        counts = Counter(run.repetition for run in group if run.repetition is not None)
        if numbers := sorted(number for number, count in counts.items() if count > 1):
            found[point] = numbers
    return found


def _by_point(runs: Sequence[Run]) -> dict[Point, list[Run]]:
    groups: dict[Point, list[Run]] = defaultdict(list)
    for run in runs:
        groups[point_of(run)].append(run)
    return groups


def _name(point: Point) -> str:
    return point.label or "the same configuration"


def _difference(runs: Sequence[Run]) -> str:
    """The first parameter that runs have different values of, as `**.rate: 10, 20`; empty: none."""
    told = [(run, _parameters(run)) for run in runs if run.config]
    for key in dict.fromkeys(key for _, parameters in told for key in parameters):
        values = {parameters.get(key, "not set") for _, parameters in told}
        apart = {_without_own(run, parameters.get(key, "")) for run, parameters in told}
        if len(values) > 1 and len(apart) > 1:
            return f"{key}: {', '.join(sorted(values))}"
    return ""


def _parameters(run: Run) -> dict[str, str]:
    """What decides what a run simulates: options of the simulator have a `-` in their names, parameters cannot."""
    parameters: dict[str, str] = {}
    for key, value in run.config:
        _, dot, name = key.rpartition(".")
        if key in _OPTIONS or (dot and "-" not in name):
            parameters.setdefault(key, value)
    return parameters


def _without_own(run: Run, value: str) -> str:
    """A value without what names the run alone: `trace-${repetition}.txt` is a seed like any other."""
    texts = (run.id, *(run.attributes.get(name, "") for name in _OWN_TEXTS))
    for text in filter(None, texts):
        value = value.replace(text, "#")
    own = {run.attributes.get(name, "") for name in _OWN_NUMBERS}
    return _WHOLE_NUMBER.sub(lambda match: "#" if match[0] in own else match[0], value)
