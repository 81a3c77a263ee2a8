"""Comparing points, copies among repetitions, ends of runs, notices."""

from __future__ import annotations

import math

import pytest

from simcrate.errors import BadInputError
from simcrate.statistics import Catalogue, Entry, Point, compare_points, identical_repetitions
from simcrate.statistics.notices import folded, run_facts, warnings_about
from simcrate.statistics.pointcomparison import MOST_POINTS, compare_with_first
from simcrate.statistics.runends import run_ends_s
from simcrate.statistics.summarise import summarise, tabulate
from tests.unit.statistics.conftest import Study

A = Point(config_name="Study", itervars=(("n", "1"),))
B = Point(config_name="Study", itervars=(("n", "2"),))


def add_points(study: Study, *, same_seeds: bool) -> None:
    """B is 1 more than A in every repetition, whose noise is 10 times as large."""
    for n in (1, 2):
        for repetition, noise in enumerate((0.0, 10.0, -10.0, 5.0)):
            study.run(
                repetition=repetition,
                itervars={"n": str(n)},
                seed_set=str(repetition) if same_seeds else None,
                scalars=[("Net", "x:last", 100 + noise + n + 0.01 * repetition * n)],
            )


def test_points_that_share_their_seeds_are_compared_in_pairs(study: Study) -> None:
    add_points(study, same_seeds=True)

    (result,) = compare_points(study.results(), A, B)

    assert result.comparison.method == "paired"
    assert result.comparison.difference == pytest.approx(1.015)
    assert result.comparison.is_clear
    assert result.adjusted_p_value == result.comparison.p_value


def test_points_with_seeds_of_their_own_are_compared_by_welch(study: Study) -> None:
    add_points(study, same_seeds=False)

    (result,) = compare_points(study.results(), A, B)

    assert result.comparison.method == "welch"
    assert result.comparison.difference == pytest.approx(1.015)
    assert not result.comparison.is_clear


def test_statistics_with_a_single_value_are_not_compared(study: Study) -> None:
    study.run(itervars={"n": "1"}, scalars=[("Net", "x", 1)])
    study.run(itervars={"n": "2"}, scalars=[("Net", "x", 2)])

    assert compare_points(study.results(), A, B) == ()


def test_comparing_a_point_that_was_not_run_is_refused(study: Study) -> None:
    study.run(itervars={"n": "1"}, scalars=[("Net", "x", 1)])

    with pytest.raises(BadInputError, match="no runs of Study at n=2"):
        compare_points(study.results(), A, B)


def test_repetitions_with_pinned_seeds_are_noticed(study: Study) -> None:
    for repetition in (0, 1, 2):
        different = repetition == 2
        study.run(
            repetition=repetition,
            scalars=[("Net", "x", "nan"), ("Net", "y", 7 if different else 5)],
            vectors=[("Net", "v:vector", "none", [(0.0, 1.0), (1.0, 2.0)])],
        )
    results = study.results()

    assert identical_repetitions(results, results.vectors()) == [(Point(config_name="Study"), 2)]
    warnings = list(warnings_about(results, results.vectors(), (), None))
    assert warnings[-1].startswith("2 repetitions of Study recorded exactly the same numbers")


def test_repetitions_whose_vectors_differ_are_no_copies(study: Study) -> None:
    for repetition in (0, 1):
        samples = [(0.0, 1.0), (1.0, 2.0 + repetition)]
        study.run(
            repetition=repetition,
            scalars=[("Net", "y", 5)],
            vectors=[("Net", "v:vector", "none", samples)],
        )
    results = study.results()

    assert identical_repetitions(results, results.vectors()) == []


def test_equal_numbers_at_different_points_are_no_copies(study: Study) -> None:
    for n in ("1", "2"):
        study.run(itervars={"n": n}, scalars=[("Net", "x", 1)])
    results = study.results()

    assert identical_repetitions(results, results.vectors()) == []


def test_a_run_ends_where_the_simulator_said_else_at_its_limit_else_at_its_last_sample(
    study: Study,
) -> None:
    vector = ("Net", "v:vector", "none", [(0.0, 1.0), (7.5, 2.0)])
    told = study.run(options={"sim-time-limit": "10s"}, vectors=[vector])
    limited = study.run(options={"sim-time-limit": "1min"}, vectors=[vector])
    open_ended = study.run(vectors=[vector])
    computed = study.run(options={"sim-time-limit": '"${limit}s"'}, vectors=[vector])
    results = study.results()

    ends = run_ends_s(results, results.vectors(), {told: 8.0})

    assert ends == {told: 8.0, limited: 60.0, open_ended: 7.5, computed: 7.5}


def test_no_run_ends_before_its_last_sample(study: Study) -> None:
    run = study.run(
        options={"sim-time-limit": "1s"}, vectors=[("Net", "v:vector", "none", [(7.5, 2.0)])]
    )
    results = study.results()

    assert run_ends_s(results, results.vectors(), {run: 2.0}) == {run: 7.5}


def test_a_run_without_results_has_ended_at_nothing(study: Study) -> None:
    run = study.run()
    results = study.results()

    assert run_ends_s(results, results.vectors()) == {run: 0.0}
    (fact,) = run_facts(results, {run: 0.0})
    assert (fact.config, fact.number, fact.is_complete) == ("Study", 0, True)


def test_the_limit_of_a_run_that_computing_time_may_have_stopped_is_not_believed(
    study: Study,
) -> None:
    options = {"sim-time-limit": "100s", "cpu-time-limit": "3s"}
    early = study.run(options=options, vectors=[("Net", "v:vector", "none", [(30.0, 1.0)])])
    late = study.run(options=options, vectors=[("Net", "v:vector", "none", [(95.0, 1.0)])])
    results = study.results()

    assert run_ends_s(results, results.vectors()) == {early: 30.0, late: 100.0}
    warnings = list(warnings_about(results, results.vectors(), ()))
    assert any(
        f"Run {early} recorded nothing between 30 s and its limit of 100 s" in w for w in warnings
    )
    assert not any(late in warning for warning in warnings)


def test_infinite_values_and_what_was_not_recorded_are_told(study: Study) -> None:
    study.run(scalars=[("Net", "x:last", "inf")])
    results = study.results()
    catalogue = Catalogue(
        title="T", entries=(Entry(name="x", display="Ratio"), Entry(name="y", display="Y"))
    )
    rows = summarise(results, catalogue)

    warnings = list(warnings_about(results, results.vectors(), rows, catalogue))

    assert warnings[0].startswith(
        "Infinite values take no part in means and are counted as missing: Ratio."
    )
    assert warnings[1] == "1 of the catalogue's 2 statistics were not recorded: y"
    assert math.isnan(rows[0].estimate.mean)


def test_warnings_that_differ_in_a_file_name_only_are_told_once() -> None:
    warnings = [f"the index run-{i}.vci is stale" for i in range(5)]

    assert folded([*warnings, "something else", warnings[0]]) == (
        "the index run-0.vci is stale (and 4 more like this)",
        "something else",
    )


def test_a_report_compares_the_first_point_with_each_of_the_others(study: Study) -> None:
    add_points(study, same_seeds=True)
    study.run(itervars={"n": "3"}, scalars=[("Net", "x:last", 1), ("Net.host[0]", "x:last", 1)])
    results = study.results()

    found = compare_with_first(results, tabulate(results))

    assert [(c.row.point, c.point, c.row.modules) for c in found] == [(A, B, "Net")]


def test_a_study_of_many_points_is_not_compared_point_by_point(study: Study) -> None:
    for n in range(MOST_POINTS + 1):
        for repetition in (0, 1):
            study.run(
                repetition=repetition, itervars={"n": str(n)}, scalars=[("Net", "x", repetition)]
            )
    results = study.results()

    assert compare_with_first(results, tabulate(results)) == ()
