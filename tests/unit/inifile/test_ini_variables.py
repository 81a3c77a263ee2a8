"""The `${…}` of values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.errors import IniError
from simcrate.inifile import parse_ini
from simcrate.inifile.variables import (
    find_placeholders,
    split_list,
    substitute_placeholders,
    substitute_references,
    unquote,
)


def parsed(value: str) -> list[tuple[str, str, str]]:
    return [(p.name, p.values, p.parallel) for p in find_placeholders(value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("exponential(${N}s)", [("N", "", "")]),
        ("${N=1..10 step 2}", [("N", "1..10 step 2", "")]),
        ("${1, 2, 5..10}", [("", "1, 2, 5..10", "")]),
        ("${a, b}", [("", "a, b", "")]),
        ('${note="}", "x" ! ia}', [("note", '"}", "x"', "ia")]),
        ("${f=uniform(1,2), {1}}", [("f", "uniform(1,2), {1}", "")]),
        ('${x="a!b"}', [("x", '"a!b"', "")]),
        ("${ N = 1 }-${M}", [("N", "1", ""), ("M", "", "")]),
        ("no variable, $N alone is text", []),
    ],
)
def test_placeholders_are_found(value: str, expected: list[tuple[str, str, str]]) -> None:
    assert parsed(value) == expected


@pytest.mark.parametrize("value", ["${N", "${}", '${"a}', "${a b}", "${a==1}", "${(1, 2}"])
def test_what_is_no_placeholder_is_an_error(value: str) -> None:
    with pytest.raises(IniError):
        parsed(value)


def test_deeply_nested_brackets_are_no_problem() -> None:
    deep = "(" * 100_000 + ")" * 100_000

    assert parsed(f"${{x={deep}}}") == [("x", deep, "")]


def test_unnamed_variables_take_their_names_from_left_to_right() -> None:
    study = parse_ini("description = ${1,2}-${N}-${3,4}\n**.x = ${N=n}\n").config("General")

    assert study.value("description", study.run(0)) == "1-n-3"


def test_a_reference_to_nothing_stays_as_it_is() -> None:
    text = "${resultdir}/x"

    assert substitute_placeholders(text, find_placeholders(text), {}) == text


def test_references_are_replaced_as_text_in_both_forms() -> None:
    assert substitute_references("$i+${j}*$ij", {"i": "1", "j": "2", "ij": "3"}) == "1+2*3"


def test_a_reference_to_an_unknown_variable_lists_the_known_ones() -> None:
    with pytest.raises(IniError, match=r"no such variable: \$k \(there is: i, j\)"):
        substitute_references("$k", {"i": "1", "j": "2"})


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab 1.-", min_size=1).filter(lambda s: s.strip()), max_size=6))
def test_a_list_joined_by_commas_is_split_into_its_trimmed_items(items: list[str]) -> None:
    assert split_list(",".join(items)) == [item.strip() for item in items]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_value_gives_placeholders_or_an_ini_error(value: str) -> None:
    try:
        found = list(find_placeholders(value))
    except IniError:
        return

    assert all(value[p.start : p.start + 2] == "${" and value[p.end - 1] == "}" for p in found)


@settings(deadline=None)
@given(st.text())
def test_unquote_undoes_quoting(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert unquote(quoted) == text
