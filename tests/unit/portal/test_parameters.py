"""Parameters of a template: only values get into an ini."""

from __future__ import annotations

import pytest

from simcrate.errors import BadInputError
from simcrate.portal.simulators.parameters import MOST_VALUES, Parameter, fill, read_parameters

HOSTS = Parameter(name="hosts", default="20", least=2, most=500)
PAUSE = Parameter(name="pause", default="1.5", unit="s")
ROUTING = Parameter(name="routing", default="epidemic", choices=("epidemic", "prophet"))
TEMPLATE = '*.numHosts = @hosts@\n*.pause = @pause@\n*.routing = "@routing@"\n'


def test_answers_take_the_places_of_their_names() -> None:
    answers = {"hosts": "50", "pause": "0.25", "routing": "prophet"}

    assert fill(TEMPLATE, [HOSTS, PAUSE, ROUTING], answers) == (
        '*.numHosts = 50\n*.pause = 0.25s\n*.routing = "prophet"\n'
    )


def test_a_template_that_was_typed_in_a_browser_has_plain_line_ends() -> None:
    assert fill("a = @hosts@\r\nb\r\n", [HOSTS], {"hosts": "2"}) == "a = 2\nb\n"


def test_several_values_become_an_iteration() -> None:
    assert fill("*.p = @pause@", [PAUSE], {"pause": "1, 2,3"}) == "*.p = ${pause=1s, 2s, 3s}"


@pytest.mark.parametrize(
    "answer",
    ["", "1", "501", "nan", "inf", "ten", "20\nload-libs = /tmp/evil", "20 # x", "${a=1}", "20,"],
)
def test_what_is_no_number_of_the_range_gets_into_no_ini(answer: str) -> None:
    with pytest.raises(BadInputError, match="is no number from 2 up to 500"):
        HOSTS.values(answer)


def test_what_is_none_of_the_choices_gets_into_no_ini() -> None:
    with pytest.raises(BadInputError, match="is none of epidemic, prophet"):
        ROUTING.values('epidemic"')


def test_too_many_values_are_refused() -> None:
    with pytest.raises(BadInputError, match="at most 100 values"):
        HOSTS.values(",".join(["20"] * (MOST_VALUES + 1)))


def test_a_template_that_asks_for_more_is_refused() -> None:
    with pytest.raises(BadInputError, match="asks for nodes"):
        fill("@nodes@", [HOSTS], {"hosts": "20"})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "list of tables"),
        ([1], "list of tables"),
        ([{"name": "a b", "default": "1"}], "letters, digits"),
        ([{"name": "a", "default": "1", "min": 2}], "unknown keys: min"),
        ([{"name": "a", "default": "1", "least": 2}], "is no number from 2"),
        ([{"name": "a", "default": "1", "least": "x"}], "parameter 'a'"),
        ([{"name": "a"}], "is no number"),
        ([{"name": "a", "default": "1", "unit": "s\nx"}], "units are letters"),
        ([{"name": "a", "default": "x y", "choices": ["x y"]}], "single words"),
        ([{"name": "a", "default": "1"}] * 2, "there twice"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_with_the_reason(
    value: object, says: str
) -> None:
    with pytest.raises(BadInputError, match=says):
        read_parameters(value)
