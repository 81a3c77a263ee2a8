"""A few lines of ini that ask for more than a machine has are refused soon, in little memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from simcrate.errors import IniError
from simcrate.inifile import Config, Effort, check_safety, parse_ini

LENGTHENING = (
    f"**.a = ${{a={'y' * 400}}}\n"
    f"**.b = ${{b={'-'.join(['$a'] * 200)}}}\n"
    f"**.c = ${{c={'-'.join(['$b'] * 200)}}}\n"
    f"**.d = ${{d={'-'.join(['$c'] * 200)}}}\n"
)
"""Two kilobytes that stand for gigabytes."""


def config(text: str) -> Config:
    return parse_ini(text).config("General")


@pytest.fixture
def _little_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 50 * 2**20


@pytest.mark.usefixtures("_little_memory")
def test_variables_that_multiply_their_lengths_are_refused_as_unsafe() -> None:
    assert any("characters" in refusal.why for refusal in check_safety(parse_ini(LENGTHENING)))


def test_many_values_that_are_long_are_refused_as_unsafe() -> None:
    texts = f"**.a = ${{a={'y' * 40_000}, n}}\n" + "**.b = $${a}${a}\n" * 2_000

    assert "to go through" in check_safety(parse_ini(texts))[-1].why


@pytest.mark.usefixtures("_little_memory")
@pytest.mark.parametrize(
    "ask",
    [lambda c: c.run_count, lambda c: c.run(0), lambda c: c.select("0"), lambda c: c.select()],
)
def test_variables_that_multiply_their_lengths_have_no_runs(
    ask: Callable[[Config], object],
) -> None:
    with pytest.raises(IniError, match="characters"):
        ask(config(LENGTHENING))


def test_a_value_that_becomes_too_long_in_a_run_is_refused() -> None:
    study = config(f"**.a = ${{a={'y' * 4_000}}}\n**.x = {'${a}' * 100}\n")

    with pytest.raises(IniError, match=r"omnetpp.ini:2: .*400,000 characters"):
        study.entries(study.run(0))


@pytest.mark.usefixtures("_little_memory")
def test_values_that_become_too_long_together_are_refused() -> None:
    study = config(f"**.a = ${{a={'y' * 4_000}}}\n" + f"**.x = {'${a}' * 20}\n" * 1_000)

    with pytest.raises(IniError, match="to go through"):
        study.entries(study.run(0))


def test_a_constraint_costs_what_it_becomes() -> None:
    long = f"**.a = ${{a={'1' * 20_000}}}\n**.n = ${{n=1..100000}}\nconstraint = {'+'.join(['$a'] * 4)} > 0\n"

    with pytest.raises(IniError, match="to go through"):
        _ = config(long).run_count


def test_configs_that_share_an_effort_are_counted_until_it_is_spent() -> None:
    ini = parse_ini("**.a = ${a=1..999}\nconstraint = $a > 0\n[Config One]\n[Config Two]\n")
    effort = Effort(50_000)

    assert ini.config("One", effort).run_count == 999
    with pytest.raises(IniError, match="to go through"):
        _ = ini.config("Two", effort).run_count


def test_a_list_of_many_values_is_gone_through_in_one_go() -> None:
    study = config(f"**.a = ${{a={', '.join(['$b'] * 50_000)}}}\n**.b = ${{b=1}}\n")

    assert study.run_count == 50_000


def test_a_file_of_nothing_but_unknown_options_is_refused_line_by_line() -> None:
    text = "".join(f"output-skalar-file-{number} = 1\n" for number in range(20_000))

    refusals = check_safety(parse_ini(text))

    assert [refusal.line for refusal in refusals] == list(range(1, 20_001))
    assert sum("did you mean" in refusal.why for refusal in refusals) == 200


def test_an_expression_of_a_megabyte_is_not_begun() -> None:
    with pytest.raises(IniError, match="characters"):
        _ = config("constraint = " + "1+" * 400_000 + "1 > 0\n").run_count


def test_many_numbered_runs_of_a_constrained_config_are_found_in_one_go() -> None:
    study = config("**.a = ${a=1..10001}\nconstraint = $a != 3\n")

    runs = study.select("9999,0..9998")

    assert [run.itervars["a"] for run in runs[:4]] == ["10001", "1", "2", "4"]


def test_a_file_that_is_included_again_and_again_ends_at_a_megabyte() -> None:
    includes = {"part.ini": "**.x = 1\n" * 5_000}

    with pytest.raises(IniError, match="1,048,576 characters with all that is included"):
        parse_ini("include part.ini\n" * 100, includes=includes)
