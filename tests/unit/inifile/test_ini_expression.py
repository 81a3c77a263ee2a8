"""Arithmetic, comparison and logic."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.errors import IniError
from simcrate.inifile import Quantity, evaluate, evaluate_condition, evaluate_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("10 - 3 - 2", 5),
        ("7 % 4", 3),
        ("5 / 2", 2.5),
        ("1e3 + .5", 1000.5),
        ("max(2, 3) + min(4, 5)", 7),
        ("floor(2.7) + ceil(2.1)", 5),
        ("true ? 1 : 2", 1),
        ("1 > 2 ? 1 : 3 > 2 ? 5 : 6", 5),
    ],
)
def test_arithmetic_has_the_usual_precedence(text: str, number: float) -> None:
    assert evaluate_number(text) == number


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("3 >= 3 && 2 < 3", True),
        ("1 == 2 || 2 == 2", True),
        ("!(1 < 2)", False),
        ("4 = 4", True),
        ('"a" == "a"', True),
        ('"epidemic" =~ "epi*"', True),
        ("1 < 2 == true", True),
        ("1min == 60s", True),
        ("500ms < 1s", True),
        ("nan == nan", False),
        ("nan < 1 || nan >= 1", False),
    ],
)
def test_conditions_are_true_or_false(text: str, truth: bool) -> None:  # noqa: FBT001
    assert evaluate_condition(text) is truth


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("2MB", Quantity(2e6, "B")),
        ("8kb", Quantity(1000, "B")),
        ("1KiB", Quantity(1024, "B")),
        ("2 * 30s", Quantity(60, "s")),
        ("36kmph", Quantity(10, "mps")),
        ("1h / 1min", Quantity(60)),
        ("1MBps", Quantity(8e6, "bps")),
    ],
)
def test_units_are_converted(text: str, quantity: Quantity) -> None:
    value = evaluate(text)

    assert isinstance(value, Quantity)
    assert value.unit == quantity.unit
    assert value.number == pytest.approx(quantity.number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1 2",
        "1 / 0",
        "5kg",
        "1s + 1m",
        "1s < 2",
        '"a" < 1',
        '"a" == 1',
        "1s * 1s",
        "foo",
        "foo(1)",
        "sqrt(-1)",
        "sqrt(1, 2)",
        "10 ^ 10000",
        "1 && true",
        "-true",
        "@",
        "(" * 1000 + "1" + ")" * 1000,
        "-" * 1000 + "1",
        "true ? 1",
        "false && foo",
        "true || foo(1)",
        "true || ",
        "false && true || 1",
        "min(1)",
    ],
)
def test_what_cannot_be_evaluated_is_an_ini_error(text: str) -> None:
    with pytest.raises(IniError, match="cannot evaluate"):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("0 == 0 || 10 / 0 > 1", True),
        ("0 != 0 && 10 / 0 > 1", False),
        ("true ? true : 1 / 0 > 1", True),
        ("false ? 1 / 0 > 1 : false", False),
        ("false && 1 / 0 > 1 || true", True),
        ("true || 1 / 0 > 1 && 1 / 0 > 1", True),
        ("1 == 1 || 1s < 2", True),
    ],
)
def test_what_decides_nothing_is_not_evaluated(text: str, truth: bool) -> None:  # noqa: FBT001
    assert evaluate_condition(text) is truth


def test_an_expression_of_thousands_of_operands_is_evaluated() -> None:
    assert evaluate_number("+".join(["1"] * 10_000)) == 10_000


def test_a_condition_must_be_true_or_false() -> None:
    with pytest.raises(IniError, match="neither true nor false"):
        evaluate_condition("1 + 1")


def test_a_number_must_have_the_unit_that_is_asked_for() -> None:
    with pytest.raises(IniError, match='not a quantity in "s"'):
        evaluate_number("5m", "s")


@settings(deadline=None)
@given(st.text(max_size=50))
def test_any_text_gives_a_value_or_an_ini_error(text: str) -> None:
    try:
        value = evaluate(text)
    except IniError:
        return

    assert isinstance(value, Quantity | str | bool)


@settings(deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_sums_agree_with_the_machine(a: float, b: float) -> None:
    expected = a + b

    assert math.isclose(evaluate_number(f"{a!r} + {b!r}"), expected) or math.isinf(expected)
