"""Errors quote what was written; of what nobody would read, its beginning and its end."""

from __future__ import annotations

import pytest

from simcrate.errors import IniError
from simcrate.inifile import IniFile, check_safety, parse_ini
from simcrate.inifile.expression import evaluate, evaluate_condition, evaluate_number

LONG = "x" * 90_000
MOST = 1_200  # characters: a few quotations, one in the other, and the words around them


@pytest.mark.parametrize(
    "expression",
    [
        LONG,
        f"{LONG}(1)",
        f"1{LONG}",
        f"1 $ {LONG}",
        f"(1 {LONG}",
        f'1 + "{LONG}"',
        f'"{LONG}" == 1',
        f'"{LONG}" && true',
        f'"{LONG}" =~ "{{{LONG[:9000]}"',
    ],
)
def test_an_expression_is_quoted_at_a_readable_length(expression: str) -> None:
    for judge in (evaluate, evaluate_condition, evaluate_number):
        with pytest.raises(IniError) as caught:
            judge(expression)
        assert len(str(caught.value)) < MOST


def test_beginning_and_end_of_a_quotation_stay() -> None:
    with pytest.raises(IniError, match=r"^cannot evaluate 1 \+ 1.* … .*1 \+ ?: it ends too early$"):
        evaluate("1 + " * 9_000)


def read_and_count(text: str) -> IniFile:
    ini = parse_ini(text, name="omnetpp.ini")
    for info in ini.configs:
        ini.config(info.name).select("")
    return ini


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        f"[{LONG}",
        f"[{LONG}]\n[{LONG}]",
        f"include {LONG}",
        f"include ../{LONG}",
        f"[A]\nextends = {LONG}",
        f"[Config {LONG}]\nextends = {LONG}",
        f"[Config A]\n*.x = ${{{LONG}",
        f"[Config A]\n*.x = ${{n={LONG}..1}}",
        f"[Config A]\n*.x = ${{n=$y{LONG}}}",
        f"[Config A]\n*.x = ${{n=1..2 ! y{LONG}}}",
        f"[Config A]\n*.x = ${{n=1}}\n*.y = ${{n{LONG} {LONG}}}",
        f"[Config A]\nrepeat = {LONG}",
        f"[Config A]\nconstraint = $y{LONG}\n*.x = ${{n=1,2}}",
        f"[Config A]\niteration-nesting-order = y{LONG}\n*.x = ${{n=1,2}}",
    ],
)
def test_a_file_is_quoted_at_a_readable_length(text: str) -> None:
    with pytest.raises(IniError) as caught:
        read_and_count(text)
    assert len(str(caught.value)) < MOST


def test_a_filter_is_quoted_at_a_readable_length() -> None:
    config = read_and_count("[Config A]\n*.x = ${n=1,2}\n").config("A")

    for asked in (LONG, f"$n == {LONG}", f"7{LONG}", "9" * 4_000):
        with pytest.raises(IniError) as caught:
            config.select(asked)
        assert len(str(caught.value)) < MOST


def test_an_option_is_quoted_at_a_readable_length() -> None:
    (refusal,) = check_safety(read_and_count(f"[Config A]\nuser-{LONG} = 1\n"))

    assert len(str(refusal)) < MOST


def test_of_many_names_whole_ones_are_listed_and_dots_say_that_there_are_more() -> None:
    names = [f"Config{number:03}" for number in range(100)]
    ini = read_and_count("".join(f"[Config {name}]\n" for name in names))
    with pytest.raises(IniError) as caught:
        ini.config("zzz")

    said = str(caught.value).partition("(there is: ")[2].removesuffix(", …)").split(", ")
    assert said == names[: len(said)]
    assert 10 < len(said) < 30
