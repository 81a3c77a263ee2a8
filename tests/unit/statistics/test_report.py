"""The report and the summary: nothing unescaped, nothing unbounded."""

from __future__ import annotations

import dataclasses
import json
import math
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simcrate.statistics import Missing, Point, Row, RunFact, Summary
from simcrate.statistics.comparison import compare_paired
from simcrate.statistics.estimate import estimate
from simcrate.statistics.pointcomparison import PointComparison
from simcrate.statistics.report import MOST_ROWS, write_report
from simcrate.statistics.reportparts import number
from simcrate.statistics.summary import MOST_BYTES, ROW_FIELDS, encoded, plain, row_json

HOSTILE = "<script>alert('x')</script>\"&"


def row(name: str = "delay", **changes: object) -> Row:
    values = Row(
        statistic=name,
        display=name,
        layer="",
        unit="s",
        reducer="mean",
        source="scalar",
        modules="Net.host[*]",
        module_count=3,
        point=Point(config_name="C"),
        estimate=estimate([1.0, 2.0]),
        runs=2,
        values=6,
        nan_count=1,
        inf_count=0,
        minimum=0.5,
        maximum=3.5,
    )
    return dataclasses.replace(values, **changes)  # type: ignore[arg-type]


def summary(*rows: Row, runs: int = 1, **changes: object) -> Summary:
    run = RunFact(
        id="C-0",
        config="C",
        number=0,
        repetition=0,
        network="Net",
        itervars={"n": "10"},
        end_s=3600.0,
        warmup_s=0.0,
        is_complete=True,
    )
    values = Summary(
        facts={},
        catalogue="",
        precision_s=1.0,
        runs=(run,) * runs,
        rows=rows,
        figures=(),
        comparisons=(),
        missing=Missing(
            scalars=6,
            nan_scalars=1,
            inf_scalars=0,
            vectors=0,
            empty_vectors=0,
            samples=0,
            nan_samples=0,
            inf_samples=0,
        ),
        warnings=(),
    )
    return dataclasses.replace(values, **changes)  # type: ignore[arg-type]


class Page(HTMLParser):
    """Tags of a page and its visible text; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in {"meta", "img"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(value: Summary, out_dir: Path) -> Page:
    return Page(write_report(value, out_dir).read_text(encoding="utf-8"))


def test_every_text_from_outside_is_escaped(tmp_path: Path) -> None:
    hostile_run = dataclasses.replace(
        summary().runs[0], id=HOSTILE, config=HOSTILE, network=HOSTILE, itervars={HOSTILE: HOSTILE}
    )
    result = page(
        summary(
            row(display=HOSTILE, unit=HOSTILE, layer=HOSTILE, modules=HOSTILE),
            row(point=Point(config_name=HOSTILE)),
            facts={"Title": HOSTILE, HOSTILE: HOSTILE},
            warnings=(HOSTILE,),
            runs=1,
        ),
        tmp_path,
    )
    again = page(dataclasses.replace(summary(), runs=(hostile_run,), catalogue=HOSTILE), tmp_path)

    assert "script" not in result.tags + again.tags
    assert result.text.count(HOSTILE) >= 9
    assert again.text.count(HOSTILE) >= 7


def test_a_row_shows_mean_interval_n_and_what_is_missing(tmp_path: Path) -> None:
    text = page(summary(row()), tmp_path).text

    assert "1.5 s" in text
    assert "± 6.35" in text
    assert "1 NaN of 6" in text


def test_what_is_not_known_has_no_unit(tmp_path: Path) -> None:
    text = page(summary(row(estimate=estimate([math.nan]))), tmp_path).text

    assert "– s" not in text


def test_long_tables_are_cut_with_a_word_about_the_rest(tmp_path: Path) -> None:
    result = page(summary(*[row()] * (MOST_ROWS + 5)), tmp_path)

    assert f"The first {MOST_ROWS} of {MOST_ROWS + 5} rows" in result.text
    assert result.tags.count("tr") < MOST_ROWS + 10


def test_results_without_statistics_make_a_page_that_says_so(tmp_path: Path) -> None:
    assert "No statistic was recorded" in page(summary(runs=0), tmp_path).text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1\u202f234\u202f567"),
        (0.123456, "0.1235"),
        (0.99996, "1"),
        (99999.6, "100\u202f000"),
        (-2.5, "−2.5"),
        (1e-9, "1·10^−9"),
        (1.23456e12, "1.235·10^12"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert number(value) == text


def test_a_summary_beyond_two_megabytes_is_cut_and_says_so() -> None:
    value = summary(*[row(f"statistic number {i}") for i in range(9_000)], runs=9_000)

    result = value.to_json()

    assert len(encoded(result)) <= MOST_BYTES
    assert result["cut"]["rows"] == 9_000 - len(result["rows"]) > 0
    assert result["cut"]["runs"] == 9_000 - len(result["runs"]) > 0
    assert len(value.to_full_json()["rows"]) == 9_000


def test_every_field_of_a_row_is_a_column_of_the_table() -> None:
    assert sorted(row_json(row())) == sorted(ROW_FIELDS)


def test_json_has_no_nan_and_keeps_infinity_as_a_text() -> None:
    assert plain(math.nan) is None
    assert plain(math.inf) == "Infinity"
    assert plain(-math.inf) == "-Infinity"
    assert plain(1 / 3, 3) == 0.333
    value = json.loads(encoded(summary(row(estimate=estimate([5.0]))).to_json()))
    assert value["rows"][0]["low"] is None


def compared(difference: float, **changes: object) -> PointComparison:
    a = {i: 10.0 + i for i in range(4)}
    b = {i: value + difference + 0.1 * i for i, value in a.items()}
    values = PointComparison(
        row=row(),
        point=Point(config_name="C", itervars=(("n", "2"),)),
        comparison=compare_paired(a, b),
        adjusted_p_value=0.02,
    )
    return dataclasses.replace(values, **changes)  # type: ignore[arg-type]


def test_clear_differences_are_listed_with_their_interval_and_others_are_counted(
    tmp_path: Path,
) -> None:
    result = page(summary(row(), comparisons=(compared(-5), compared(0.0001))), tmp_path)

    assert "Differences from C whose 95 % interval leaves 0 out: 1 of 2." in result.text
    assert "−4.85 s" in result.text
    assert "−42% ± 2%" in result.text
    assert "4, 4" in result.text


def test_names_in_comparisons_are_escaped(tmp_path: Path) -> None:
    hostile = Point(config_name="C", itervars=((HOSTILE, HOSTILE),))
    result = page(
        summary(comparisons=(compared(5, row=row(display=HOSTILE, unit=HOSTILE), point=hostile),)),
        tmp_path,
    )

    assert "script" not in result.tags
    assert result.text.count(HOSTILE) == 4
