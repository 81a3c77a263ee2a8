"""Compare points of a study, statistic by statistic.

Source: definitions 4 to 6 of docs/explanation/numbers.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simcrate.errors import BadInputError, StatisticsError
from simcrate.results import ResultSet, Run
from simcrate.statistics.catalogue import Catalogue
from simcrate.statistics.comparison import Comparison, compare_paired, compare_welch, holm
from simcrate.statistics.experiments import repeated_repetitions
from simcrate.statistics.points import Point, point_of, points_of
from simcrate.statistics.rows import Row
from simcrate.statistics.summarise import Tabulated, tabulate

MOST_POINTS = 12  # of a study that a report compares; beyond, a curve says more


@dataclass(frozen=True, slots=True, kw_only=True)
class PointComparison:
    """One statistic at two points."""

    row: Row
    """The statistic as it stands at the first point."""

    point: Point
    """The second point."""

    comparison: Comparison
    """a is the first point, b the second."""

    adjusted_p_value: float
    """By Holm, over all comparisons that were made together; NaN without spread."""


def compare_points(
    results: ResultSet, first: Point, second: Point, catalogue: Catalogue | None = None
) -> tuple[PointComparison, ...]:
    """Compare every statistic that both points have with at least two values.

    Paired where the repetitions that both points share have the same seed set (attribute `seedset`), so that they saw
    the same random numbers; else by Welch.

    Args:
        results: what was recorded.
        first: one point; differences are from it.
        second: the other point.
        catalogue: which statistics; everything recorded without one.

    Raises:
        BadInputError: there are no runs of a point, or several of one of its repetitions.

    Source: definitions 4 to 6 of docs/explanation/numbers.md.
    """
    known, repeated = points_of(results.runs), repeated_repetitions(results.runs)
    for point in (first, second):
        if point not in known:
            message = f"there are no runs of {point.config_name} at {point.label}"
            raise BadInputError(message)
        if point in repeated:
            message = (
                f"could not compare: repetition {repeated[point][0]} of {point.label} is there more than once; "
                "give the results of one experiment"
            )
            raise BadInputError(message)
    return _adjusted(_compared(results, tabulate(results, catalogue), first, second))


def compare_with_first(
    results: ResultSet, tabulated: Sequence[Tabulated]
) -> tuple[PointComparison, ...]:
    """Compare the first point of a study with each of the others, as `compare_points` does.

    Only of the outermost modules of each statistic.  None for studies of more than `MOST_POINTS` points, nor where a
    point has a repetition more than once.
    """
    first, *others = points_of(results.runs) or (None,)
    if first is None or not others or len(others) >= MOST_POINTS:
        return ()
    if repeated_repetitions(results.runs):
        return ()
    outer: dict[str, str] = {}
    for entry in tabulated:
        outer.setdefault(entry.row.statistic, entry.row.modules)
    chosen = [entry for entry in tabulated if entry.row.modules == outer[entry.row.statistic]]
    return _adjusted([c for point in others for c in _compared(results, chosen, first, point)])


_Compared = tuple[Row, Point, Comparison]


def _adjusted(compared: Sequence[_Compared]) -> tuple[PointComparison, ...]:
    p_values = holm([comparison.p_value for _, _, comparison in compared])
    return tuple(
        PointComparison(row=row, point=point, comparison=comparison, adjusted_p_value=p_value)
        for (row, point, comparison), p_value in zip(compared, p_values, strict=True)
    )


def _compared(
    results: ResultSet, tabulated: Sequence[Tabulated], first: Point, second: Point
) -> list[_Compared]:
    runs = {point: _repetitions(results, point) for point in (first, second)}
    numbers = None
    if _share_seeds(runs[first], runs[second]):
        numbers = {run.id: i for group in runs.values() for i, run in group.items()}
    others = _by_statistic(tabulated, second)
    compared: list[_Compared] = []
    for key, entry in _by_statistic(tabulated, first).items():
        if key in others:
            try:
                comparison = _compare(entry.by_run, others[key].by_run, numbers)
            except (
                StatisticsError
            ):  # fewer than two values at a point: the table of statistics shows that
                continue
            compared.append((entry.row, second, comparison))
    return compared


def _repetitions(results: ResultSet, point: Point) -> dict[int, Run]:
    runs = [run for run in results.runs if point_of(run) == point]
    return {run.repetition: run for run in runs if run.repetition is not None}


def _share_seeds(first: Mapping[int, Run], second: Mapping[int, Run]) -> bool:
    shared = first.keys() & second.keys()
    return bool(shared) and all(
        "seedset" in first[i].attributes
        and first[i].attributes["seedset"] == second[i].attributes.get("seedset")
        for i in shared
    )


def _by_statistic(
    table: Sequence[Tabulated], point: Point
) -> dict[tuple[str, str, str], Tabulated]:
    return {
        (entry.row.name, entry.row.source, entry.row.modules): entry
        for entry in table
        if entry.row.point == point
    }


def _compare(
    first: Mapping[str, float], second: Mapping[str, float], numbers: Mapping[str, int] | None
) -> Comparison:
    """Compare values by run ID, paired by the numbers of the repetitions that they are of if these are given."""
    if numbers is None:
        return compare_welch(list(first.values()), list(second.values()))
    return compare_paired(
        {numbers[run]: value for run, value in first.items() if run in numbers},
        {numbers[run]: value for run, value in second.items() if run in numbers},
    )
