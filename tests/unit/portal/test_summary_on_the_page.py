"""Numbers and curves of a simulation's page: what is missing stays missing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.template.loader import render_to_string

from simcrate.portal.simulations.curves import charts_of
from simcrate.portal.simulations.summary_table import statistics_table

ROW = {
    "name": "delay",
    "display": "end-to-end delay",
    "unit": "s",
    "modules": "Net.node[*]",
    "module_count": 20,
    "itervars": {"numHosts": "20"},
    "n": 3,
    "mean": 1.23456,
    "low": 1.0,
    "high": 1.5,
    "min": 0.5,
    "max": 1234567.0,
    "nan_count": 0,
    "inf_count": 0,
}
LINE: dict[str, object] = {
    "label": "N=20",
    "x": [0, 10, 20, 30],
    "y": [0, 1, None, 2],
    "low": [],
    "high": [],
    "minimum": [],
    "maximum": [],
}


def summary_of(*lines: Mapping[str, object]) -> dict[str, object]:
    panel = {"title": "Net × 4", "x": "simulated time in s", "y": "delay", "lines": list(lines)}
    return {"figures": [{"title": "end-to-end delay", "series": [panel]}]}


def test_a_row_is_spelled_for_people() -> None:
    table = statistics_table({"rows": [ROW]})

    assert table is not None
    [row] = table.rows
    assert (row.name, row.unit, row.point, row.n) == ("end-to-end delay", "s", "numHosts=20", 3)
    assert (row.mean, row.interval) == ("1.235", "1 … 1.5")
    assert (row.minimum, row.maximum) == ("0.5", "1,234,567")
    assert row.modules == "Net.node[*]"
    assert not table.has_remarks


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), ("Infinity", "∞"), ("-Infinity", "−∞"), (0, "0"), (0.0, "0")]
)
def test_missing_and_infinite_numbers_are_never_zero(value: object, shown: str) -> None:
    table = statistics_table({"rows": [{**ROW, "mean": value}]})

    assert table is not None
    assert table.rows[0].mean == shown


def test_without_an_interval_none_is_invented() -> None:
    table = statistics_table({"rows": [{**ROW, "n": 1, "low": None, "high": None}]})

    assert table is not None
    assert table.rows[0].interval == "–"


def test_values_that_are_no_numbers_are_counted() -> None:
    table = statistics_table({"rows": [{**ROW, "nan_count": 1200, "inf_count": 3}]})

    assert table is not None
    assert table.rows[0].remark == "1,200 NaN, 3 infinite"


def test_samples_that_are_no_numbers_are_counted() -> None:
    table = statistics_table({"rows": [{**ROW, "nan_samples": 1200, "inf_samples": 3}]})

    assert table is not None
    assert table.rows[0].remark == "1,200 samples NaN, 3 samples infinite"


def test_rows_that_are_not_shown_are_counted() -> None:
    table = statistics_table({"rows": [ROW] * 250, "cut": {"rows": 7}})

    assert table is not None
    assert len(table.rows) == 200
    assert table.left_out == 57


def test_a_summary_without_statistics_has_no_table_and_no_charts() -> None:
    assert statistics_table({}) is None
    assert charts_of({}) == []


def test_a_missing_value_is_a_gap_in_the_curve() -> None:
    [chart] = charts_of(summary_of(LINE))

    assert chart.curves[0].path == "M0.0 150.0L106.7 75.0 M320.0 0.0h1"
    assert chart.title == "end-to-end delay"
    assert chart.x_ends == ("0", "30")
    assert chart.y_ends == ("0", "2")


def test_a_band_is_drawn_where_there_is_an_interval() -> None:
    line = {**LINE, "low": [0, 0.5, None, 1], "high": [1, 2, None, 4]}

    [chart] = charts_of(summary_of(line))

    assert chart.curves[0].band == "M0.0 150.0L106.7 131.2L106.7 75.0L0.0 112.5Z"


@pytest.mark.parametrize(
    ("low", "high", "is_told"), [([0, 1, 1, 1], [1, 2, 2, 4], True), ([], [], False)]
)
def test_the_page_says_what_a_band_is_where_there_is_one(
    *, low: list[float], high: list[float], is_told: bool
) -> None:
    charts = charts_of(summary_of({**LINE, "low": low, "high": high}))

    page = render_to_string("simulations/_summary.html", {"charts": charts})

    assert ("band from 10 % to 90 %" in page) is is_told
    assert "medians over modules and replications" in page
    assert "confidence" not in page


def test_a_chart_without_any_number_is_not_drawn() -> None:
    assert charts_of(summary_of({**LINE, "y": [None, None, "Infinity", None]})) == []
