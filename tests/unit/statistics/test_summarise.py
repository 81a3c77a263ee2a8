"""The table of statistics: which numbers it takes, and what it does with those that are missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from simcrate.statistics import Catalogue, Entry, Reducer, Row, find_catalogue, summarise
from tests.unit.statistics.conftest import Study, Vector


def named(rows: Sequence[Row], name: str) -> Row:
    (row,) = [row for row in rows if row.name == name]
    return row


def block(name: str, *, low: float, high: float | str, mean: float | str) -> str:
    """A statistic block of three observations, as a model without weights records it."""
    fields = {"count": 3, "mean": mean, "stddev": 1, "min": low, "max": high, "sum": 6}
    lines = [f"statistic Net {name}:stats", *(f"field {k} {v}" for k, v in fields.items())]
    return "\n".join([*lines, "field sqrsum 14", ""])


def test_a_run_gives_the_mean_of_its_modules_and_runs_give_the_interval(study: Study) -> None:
    study.run(scalars=[("Net.host[0]", "x:last", 1), ("Net.host[1]", "x:last", 3)])
    study.run(repetition=1, scalars=[("Net.host[0]", "x:last", 5), ("Net.host[1]", "x:last", 7)])

    row = named(summarise(study.results()), "x:last")

    assert (row.modules, row.module_count, row.values) == ("Net.host[*]", 2, 4)
    assert (row.estimate.n, row.estimate.mean, row.minimum, row.maximum) == (2, 4, 1, 7)
    assert row.estimate.stddev == pytest.approx(math.sqrt(8))


def test_missing_values_are_counted_and_a_run_without_any_takes_no_part(study: Study) -> None:
    study.run(scalars=[("Net.a[0]", "x", "nan"), ("Net.a[1]", "x", 4)])
    study.run(repetition=1, scalars=[("Net.a[0]", "x", "-nan"), ("Net.a[1]", "x", "inf")])

    row = named(summarise(study.results()), "x")

    assert (row.runs, row.estimate.n, row.values) == (2, 1, 4)
    assert (row.nan_count, row.inf_count, row.estimate.mean) == (2, 1, 4)


def test_points_of_a_study_are_never_pooled(study: Study) -> None:
    for n in (10, 20):
        for repetition in (0, 1):
            study.run(
                repetition=repetition,
                itervars={"n": str(n)},
                scalars=[("Net", "x", n + repetition)],
            )

    rows = summarise(study.results())

    assert [(row.point.label, row.estimate.mean) for row in rows] == [
        ("n=10", 10.5),
        ("n=20", 20.5),
    ]


def test_the_network_and_its_nodes_are_different_groups(study: Study) -> None:
    study.run(scalars=[("Net", "x", 9), ("Net.host[0]", "x", 1), ("Net.host[12]", "x", 2)])

    rows = summarise(study.results())

    assert [row.modules for row in rows] == ["Net", "Net.host[*]"]


def test_a_statistic_block_gives_its_mean_and_its_bounds(study: Study) -> None:
    study.run(extra=block("d", low=1, high=3, mean=2))

    row = named(summarise(study.results()), "d:mean")

    assert (row.source, row.estimate.mean, row.minimum, row.maximum) == ("statistic", 2, 1, 3)


def test_a_vector_is_reported_where_no_scalar_speaks_for_it(study: Study) -> None:
    samples = [(0.0, 1.0), (1.0, 3.0)]
    study.run(
        scalars=[("Net", "a:mean", 2)],
        vectors=[("Net", "a:vector", "none", samples), ("Net", "b:vector", "none", samples)],
    )

    rows = summarise(study.results())

    assert [(row.name, row.source) for row in rows] == [("a:mean", "scalar"), ("b:mean", "vector")]


def test_a_held_vector_is_averaged_over_time_to_the_end_of_the_run(study: Study) -> None:
    study.run(
        options={"sim-time-limit": "10s"},
        vectors=[("Net", "q:vector", "sample-hold", [(0.0, 1.0), (2.0, 4.0), (3.0, 0.0)])],
    )

    row = named(summarise(study.results()), "q:timeavg")

    assert row.estimate.mean == pytest.approx(0.6)


def test_averages_over_time_begin_after_the_warmup(study: Study) -> None:
    study.run(
        options={"sim-time-limit": "10s", "warmup-period": "2s"},
        vectors=[
            ("Net", "q:vector", "sample-hold", [(0.0, 100.0), (1.0, 4.0), (6.0, 0.0)]),
            ("Net", "d:vector", "none", [(1.0, 100.0), (3.0, 4.0), (6.0, 0.0)]),
        ],
    )

    rows = summarise(study.results())

    assert named(rows, "q:timeavg").estimate.mean == pytest.approx(2)
    assert named(rows, "d:mean").estimate.mean == pytest.approx(2)


def test_a_nan_sample_does_not_spoil_the_mean_of_its_vector(study: Study) -> None:
    study.run(vectors=[("Net", "d:vector", "none", [(0.0, 1.0), (1.0, "-nan"), (2.0, 3.0)])])

    row = named(summarise(study.results()), "d:mean")

    assert (row.estimate.mean, row.minimum, row.maximum) == (2, 1, 3)
    assert (row.samples, row.nan_samples, row.inf_samples) == (3, 1, 0)
    assert row.missing == "1 NaN of 3 samples"


@pytest.mark.parametrize("hole", ["inf", "-inf", "nan"])
def test_least_and_most_are_those_of_finite_samples(study: Study, hole: str) -> None:
    samples: list[tuple[float, float | str]] = [(0, 1), (1, 5), (2, hole), (3, 3)]
    study.run(vectors=[("Net", "d:vector", "none", samples)])

    row = named(summarise(study.results()), "d:mean")

    assert (row.estimate.mean, row.minimum, row.maximum) == (3, 1, 5)


def test_least_and_most_of_a_block_with_an_infinite_bound_are_told_by_their_own_sides(
    study: Study,
) -> None:
    study.run(extra=block("d", low=1, high="inf", mean="inf"))
    study.run(repetition=1, extra=block("d", low=2, high=4, mean=3))

    row = named(summarise(study.results()), "d:mean")

    assert (row.estimate.mean, row.minimum, row.maximum) == (3, 1, 4)


def test_what_still_held_when_the_warmup_ended_is_among_least_and_most(study: Study) -> None:
    study.run(
        options={"sim-time-limit": "10s", "warmup-period": "2s"},
        vectors=[
            ("Net", "q:vector", "sample-hold", [(0.0, 100.0), (1.0, 4.0), (6.0, 0.0)]),
            ("Net", "r:vector", "sample-hold", [(0.0, 100.0), (1.0, 4.0)]),
            ("Net", "s:vector", "linear", [(0.0, 8.0), (4.0, 0.0)]),
        ],
    )

    rows = summarise(study.results())

    bounds = {row.statistic: (row.minimum, row.maximum) for row in rows}
    assert bounds == {"q": (0, 4), "r": (4, 4), "s": (0, 2)}
    assert all(row.minimum <= row.estimate.mean <= row.maximum for row in rows)


def test_titles_lose_the_recording_mode_that_some_versions_append(study: Study) -> None:
    study.run(extra='scalar Net x:last 1\nattr title "Cache size, last"\nattr unit byte\n')

    row = named(summarise(study.results()), "x:last")

    assert (row.display, row.unit) == ("Cache size (last)", "byte")


def test_results_without_runs_have_no_rows(study: Study) -> None:
    study.run()

    assert summarise(study.results()) == ()


def catalogue(*entries: Entry, modules: tuple[str, ...] = ("**",)) -> Catalogue:
    return Catalogue(title="Test", modules=modules, entries=entries)


def test_a_catalogue_sets_names_units_order_and_what_is_reported(study: Study) -> None:
    study.run(
        scalars=[
            ("Net.host[0]", "a:last", 1),
            ("Net", "a:last", 2),
            ("Net", "b:last", 3),
            ("Net", "z:last", 4),
        ]
    )
    entries = (
        Entry(name="b", display="Second letter", layer="Letters", unit="s"),
        Entry(name="a", display="First letter"),
    )

    rows = summarise(study.results(), catalogue(*entries))

    assert [(row.display, row.modules) for row in rows] == [
        ("Second letter", "Net"),
        ("First letter", "Net"),
        ("First letter", "Net.host[*]"),
    ]
    assert (rows[0].layer, rows[0].unit) == ("Letters", "s")


@pytest.mark.parametrize(
    ("reducer", "expected"),
    [
        (Reducer.LAST, 0.0),
        (Reducer.MEAN, 0.6),
        (Reducer.TIMEAVG, 0.6),
        (Reducer.MIN, 0.0),
        (Reducer.MAX, 4.0),
        (Reducer.SUM, 5.0),
        (Reducer.COUNT, 3.0),
    ],
)
def test_every_reducer_finds_its_number_in_a_vector(
    study: Study, reducer: Reducer, expected: float
) -> None:
    study.run(
        options={"sim-time-limit": "10s"},
        vectors=[("Net", "q:vector", "sample-hold", [(0.0, 1.0), (2.0, 4.0), (3.0, 0.0)])],
    )

    (row,) = summarise(study.results(), catalogue(Entry(name="q", display="Q", reducer=reducer)))

    assert row.estimate.mean == pytest.approx(expected)


def test_a_catalogue_prefers_the_scalar_of_its_reducer_to_the_vector(study: Study) -> None:
    study.run(
        scalars=[("Net", "q:max", 99), ("Net", "q:last", 7)],
        vectors=[("Net", "q:vector", "none", [(0.0, 1.0)])],
    )

    (row,) = summarise(study.results(), catalogue(Entry(name="q", display="Q")))

    assert (row.source, row.estimate.mean) == ("scalar", 7)


HELD: list[Vector] = [("Net", "q:vector", "sample-hold", [(0, 1), (9, 5), (9.5, 0)])]
MEAN_OVER_TIME = Entry(name="q", display="Q", reducer=Reducer.TIMEAVG)


def test_the_mean_of_a_block_without_weights_is_never_taken_for_one_over_time(study: Study) -> None:
    study.run(
        options={"sim-time-limit": "10s"}, extra=block("q", low=0, high=5, mean=2), vectors=HELD
    )

    (row,) = summarise(study.results(), catalogue(MEAN_OVER_TIME))

    assert row.source == "vector"
    assert row.estimate.mean == pytest.approx(1.15)


def test_a_mean_over_time_that_nothing_tells_is_not_there(study: Study) -> None:
    study.run(extra=block("q", low=0, high=5, mean=2))

    assert summarise(study.results(), catalogue(MEAN_OVER_TIME)) == ()


def test_the_mean_of_a_block_weighted_by_time_is_one_over_time(study: Study) -> None:
    weighted = block("q", low=0, high=5, mean=1.15) + "field weights 10\nfield weightedSum 11.5\n"
    study.run(options={"sim-time-limit": "10s"}, extra=weighted, vectors=HELD)

    (row,) = summarise(study.results(), catalogue(MEAN_OVER_TIME))

    assert (row.source, row.estimate.mean) == ("statistic", 1.15)


def test_patterns_of_modules_take_brackets_as_indices(study: Study) -> None:
    study.run(scalars=[("Net", "a", 1), ("Net.host[3]", "a", 2), ("Net.host[3].app[0]", "a", 3)])

    rows = summarise(
        study.results(), catalogue(Entry(name="a", display="A"), modules=("Net.host[*]",))
    )

    assert [row.modules for row in rows] == ["Net.host[*]"]


def test_the_catalogue_of_a_network_is_found_and_that_of_others_is_not(study: Study) -> None:
    study.run(scalars=[("Net", "a", 1)])

    assert find_catalogue(study.results()) is None
