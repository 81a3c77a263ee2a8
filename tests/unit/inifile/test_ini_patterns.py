"""Wildcard patterns of keys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.errors import IniError
from simcrate.inifile import Pattern, parse_ini


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.node.ttl", "Net.node.ttl", True),
        ("*.node.ttl", "Net.a.node.ttl", False),
        ("**.ttl", "Net.a.node.ttl", True),
        ("**.ttl", "ttl", False),
        ("**ttl", "ttl", True),
        ("Net.node[*].ttl", "Net.node[17].ttl", True),
        ("Net.node[3..5].ttl", "Net.node[4].ttl", True),
        ("Net.node[3..5].ttl", "Net.node[3].ttl", True),
        ("Net.node[3..5].ttl", "Net.node[5].ttl", True),
        ("Net.node[3..5].ttl", "Net.node[6].ttl", False),
        ("Net.node[..5].ttl", "Net.node[0].ttl", True),
        ("Net.node[3..].ttl", "Net.node[1000].ttl", True),
        ("Net.node{3..5}.ttl", "Net.node4.ttl", True),
        ("Net.node{10..20}.ttl", "Net.node015.ttl", True),
        ("Net.node{3..5}.ttl", "Net.node³.ttl", False),
        ("Net.{a-cx}.y", "Net.x.y", True),
        ("Net.{a-}.y", "Net.-.y", True),
        ("Net.{a-c}*.x", "Net.beta.x", True),
        ("Net.{^a-c}*.x", "Net.beta.x", False),
        ("Net.?.x", "Net.a.x", True),
        ("Net.?.x", "Net...x", False),
        (r"Net.\*.x", "Net.*.x", True),
        (r"Net.\*.x", "Net.a.x", False),
        ("Net.a+b.x", "Net.a+b.x", True),
    ],
)
def test_patterns_match_whole_names(pattern: str, name: str, matches: bool) -> None:  # noqa: FBT001
    assert Pattern(pattern).matches(name) is matches


@pytest.mark.parametrize("pattern", ["**.{a", "**.{}.x", "**.{^}.x"])
def test_a_pattern_that_is_none_is_an_ini_error(pattern: str) -> None:
    with pytest.raises(IniError):
        Pattern(pattern)


def test_patterns_made_to_take_for_ever_do_not() -> None:
    assert not Pattern("**?" * 40 + "x").matches("a" * 200)
    assert not Pattern("*a" * 100 + "b").matches("a" * 300)


@settings(deadline=None)
@given(st.text(alphabet="ab.*?", max_size=8), st.text(alphabet="ab.", max_size=8))
def test_patterns_agree_with_the_regular_expressions_that_say_the_same(
    pattern: str, name: str
) -> None:
    parts = {"**": ".*", "*": "[^.]*", "?": "[^.]", ".": r"\."}
    expression = re.sub(r"\*\*|[*?.]", lambda match: parts[match[0]], pattern)

    assert Pattern(pattern).matches(name) == bool(re.fullmatch(expression, name))


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_pattern_matches_or_not_or_is_an_ini_error(pattern: str, name: str) -> None:
    try:
        Pattern(pattern).matches(name)
    except IniError:
        return


@settings(deadline=None)
@given(st.text(alphabet="abc.[]019", max_size=20))
def test_a_name_without_wildcards_matches_itself(name: str) -> None:
    assert Pattern(name).matches(name) or ".." in name


def test_the_first_entry_that_matches_wins() -> None:
    config = parse_ini("Net.node[0].ttl = 1s\n**.node[*].ttl = 2s\n**.ttl = 3s\n").config("General")

    assert config.value("Net.node[0].ttl") == "1s"
    assert config.value("Net.node[1].ttl") == "2s"
    assert config.value("Net.sink.ttl") == "3s"


def test_a_pattern_never_answers_for_an_option_of_the_whole_simulation() -> None:
    assert parse_ini("**limit = 1s\n").config("General").value("sim-time-limit") is None
