from __future__ import annotations

import pytest

from simcrate.statistics.naming import FileNames, module_group, plain_title, split_name
from simcrate.statistics.points import Point, number, varying


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("delay:mean", ("delay", "mean")),
        ("delay", ("delay", "")),
        ("a:b:max", ("a:b", "max")),
        (":odd", (":odd", "")),
    ],
)
def test_names_are_split_at_the_last_colon(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


def test_module_groups_replace_every_index() -> None:
    assert module_group("Net.rte[12].port$o[0].channel") == "Net.rte[*].port$o[*].channel"


def test_titles_lose_only_their_own_mode() -> None:
    assert plain_title("Cache size, last", "last") == "Cache size"
    assert plain_title("Cache size, last", "mean") == "Cache size, last"
    assert plain_title("Cache size, ", "") == "Cache size, "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delay", "delay"),
        ("../../etc/passwd", "etc_passwd"),
        ("FixedRange [-10,10), bins=40", "FixedRange_-10_10_bins_40"),
        ("...", "unnamed"),
        ("Ünïcode π", "n_code"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
    ],
)
def test_file_names_are_safe_everywhere(text: str, expected: str) -> None:
    assert FileNames().name(text) == expected


def test_file_names_are_unique_where_upper_and_lower_case_are_the_same() -> None:
    names = FileNames()

    assert [names.name(text) for text in ("Delay", "delay", "DELAY", "delay-2")] == [
        "Delay",
        "delay-2",
        "DELAY-3",
        "delay-2-2",
    ]
    assert len(names.name("x" * 500)) <= 100


def test_points_are_called_by_what_varies() -> None:
    points = [
        Point(config_name="C", itervars=(("n", "10"), ("kind", '"a b"'), ("fixed", "1"))),
        Point(config_name="C", itervars=(("n", "20"), ("kind", '"a b"'), ("fixed", "1"))),
    ]

    assert points[0].label == "n=10, kind=a b, fixed=1"
    assert varying(points) == ("n",)
    assert Point(config_name="C").label == "C"


@pytest.mark.parametrize(
    ("text", "expected"), [("0.2s", 0.2), ("-3e2", -300), ('"a"', None), ("", None)]
)
def test_the_number_of_a_value_is_at_its_beginning(text: str, expected: float | None) -> None:
    assert number(text) == expected
