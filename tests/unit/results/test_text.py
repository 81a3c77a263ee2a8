"""Lines, tokens and numbers of the text formats."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcrate.results.text import LineError, parse_count, parse_number, split
from tests.unit.results.conftest import quote


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        (b"scalar Net.a x 1", ("scalar", "Net.a", "x", "1")),
        (b"bin\t-inf\t0", ("bin", "-inf", "0")),
        (b"attr name  value", ("attr", "name", "value")),
        (b'attr title "queue length, mean"', ("attr", "title", "queue length, mean")),
        (b'itervar note "\\"plain\\""', ("itervar", "note", '"plain"')),
        (b'config k "a\\\\b\\tc\\x41\\x7g"', ("config", "k", "a\\b\tcA\x07g")),
        (b'config k ""', ("config", "k", "")),
        (b"config k a\\nb", ("config", "k", "a\\nb")),
        (b'config k a"b"', ("config", "k", 'a"b"')),
        ("attr title é".encode(), ("attr", "title", "é")),
        (b"", ()),
        (b'  \t "a"  ', ("a",)),
    ],
)
def test_tokens_are_those_of_omnetpp(line: bytes, tokens: tuple[str, ...]) -> None:
    assert split(line) == tokens


@pytest.mark.parametrize("line", [b'"open', b'"a"b', b'a "b\\"'])
def test_an_unmatched_quote_is_an_error(line: bytes) -> None:
    with pytest.raises(LineError, match="closing double quote"):
        split(line)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_whatever_is_quoted_comes_back(tokens: list[str]) -> None:
    assert split(" ".join(map(quote, tokens)).encode()) == tuple(tokens)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("-0.5e-3", -0.0005),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("+INF", math.inf),
        ("1.#INF", math.inf),
        ("-1.#INF00", -math.inf),
        ("1e400", math.inf),
    ],
)
def test_numbers_of_every_c_library_are_numbers(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["nan", "-nan", "NaN", "-1.#IND", "1.#QNAN", "nan(0x8)"])
def test_not_a_number_stays_that(text: str) -> None:
    assert math.isnan(parse_number(text))


@pytest.mark.parametrize("text", ["", "one", "1_0", "0x10", "1,5", "١", "banana", "info"])
def test_other_text_is_no_number(text: str) -> None:
    with pytest.raises(LineError, match="expected a number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "٣", "9" * 19])
def test_a_count_is_digits(text: str) -> None:
    with pytest.raises(LineError, match="expected a whole number"):
        parse_count(text)
