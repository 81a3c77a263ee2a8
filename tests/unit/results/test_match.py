"""The filter language."""

from __future__ import annotations

import pytest

from simcrate.errors import BadInputError
from simcrate.results import open_results
from simcrate.results.match import compile_expression
from simcrate.results.pattern import compile_pattern
from tests.unit.results.conftest import DATA


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("**.sink", "Net.a.sink", True),
        ("*.sink", "Net.a.sink", True),
        ("sink", "Net.sink", False),
        ("Sink", "sink", False),
        ("", "", True),
        ("h?st", "host", True),
        ("host[?]", "host[3]", True),
        ("host[*]", "host[31]", True),
        ("host[0..5]", "host[5]", True),
        ("host[0..5]", "host[6]", False),
        ("host[10..]", "host[999]", True),
        ("host[..5]", "host[7]", False),
        ("host{1..10}", "host10", True),
        ("host{1..10}", "host11", False),
        ("{..}", "x", False),
        ("*{17..19}", "963217", True),
        ("*{1..10}*x", "a10x", True),
        ("h{a-p}st", "host", True),
        ("h{^a-p}st", "host", False),
        ("{}a}", "}", True),
        ("{a-}", "-", True),
        ("{_a-zA-Z}1", "Q1", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("a[b", "a[b", True),
        ("x:vector", "x:vector", True),
        ("a.b", "axb", False),
    ],
)
def test_patterns_match_as_omnetpps_do(pattern: str, text: str, *, matches: bool) -> None:
    assert compile_pattern(pattern)(text) == matches


@pytest.mark.parametrize("pattern", ["{a", "a\\", "x" * 2000])
def test_a_faulty_pattern_is_bad_input(pattern: str) -> None:
    with pytest.raises(BadInputError, match="could not use"):
        compile_pattern(pattern)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not compile_pattern("*a" * 100 + "b")("a" * 1000)  # or it takes for ever


ITEMS = [
    {"name": "a:vector", "module": "Net.sink", "itervar:n": "3", "attr:unit": "s"},
    {"name": "b:vector", "module": "Net.sink", "itervar:n": "12", "attr:unit": ""},
    {"name": "a:vector", "module": "Net.source", "itervar:n": "3", "attr:unit": "s"},
]


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("", [0, 1, 2]),
        ("a:vector", [0, 2]),
        ('"a:vector"', [0, 2]),
        ("name=~a:vector", [0, 2]),
        ('module =~ "**.sink" AND name =~ "a:vector"', [0]),
        ("module(**.sink) AND name(a:vector)", [0]),
        ('module("Net.s*") and not name("b*")', [0, 2]),
        ("a:vector OR module=~*.sink AND b:vector", [0, 1, 2]),
        ("(a:vector OR b:vector) AND module=~*.sink", [0, 1]),
        ("NOT (a:vector)", [1]),
        ("not not a:vector", [0, 2]),
        ("itervar:n=~{1..10}", [0, 2]),
        ('attr:unit=~""', [1]),
        ("attr:unit(s)", [0, 2]),
        ("NAME=~b*", [1]),
        ('name=~"AND"', []),
    ],
)
def test_expressions_choose_items(expression: str, chosen: list[int]) -> None:
    mask = compile_expression(expression).mask(lambda field: [item[field] for item in ITEMS])

    assert [number for number, matches in enumerate(mask) if matches] == chosen


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("module=~", "expected a field or a pattern, found the end"),
        ("a AND", "expected a field or a pattern, found the end"),
        ("a b", "expected AND, OR or the end, found 'b'"),
        ("(a", "expected '\\)', found the end"),
        ("module(a", "expected '\\)', found the end"),
        ('"a', "double quote is not closed"),
        ("colour=~red", "no field 'colour'; fields are name, module"),
        ("name=~{a", "could not use the pattern"),
        ("(" * 60 + "a" + ")" * 60, "at most 50 levels"),
    ],
)
def test_a_faulty_expression_is_bad_input_that_says_what_was_expected(
    expression: str, expected: str
) -> None:
    with pytest.raises(BadInputError, match=expected):
        compile_expression(expression)


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("itervar:numHosts=~{4..} AND name=~duration", 12),
        ("runattr:repetition=~0 AND duration", 9),
        ("attr:runnumber(0) AND duration", 1),
        ('config:Aloha.numHosts=~"3" AND duration', 6),
        ('run=~"SmallStudy-17-*" AND duration', 1),
        ('file=~"*numHosts=5*" AND duration', 6),
        ("type=~scalar AND duration", 18),
        ("type=~vector AND duration", 0),
        ('attr:recordingmode=~"mean"', 18),
    ],
)
def test_every_field_works_on_real_results(expression: str, count: int) -> None:
    assert open_results([DATA / "small-aloha"]).scalars(expression).num_rows == count


def test_a_restricted_set_keeps_runs_and_keys() -> None:
    results = open_results([DATA / "small-aloha"])
    restricted = results.where('name=~"serverChannelState*"')

    assert restricted.runs == results.runs
    assert set(restricted.vectors()["name"].to_pylist()) == {"serverChannelState:vector"}
    key = restricted.vectors()["vector"][0].as_py()
    assert restricted.read_vector(key).equals(results.read_vector(key))
    assert sum(batch.num_rows for batch in restricted.all_samples()) == sum(
        restricted.vectors()["count"].to_pylist()
    )
