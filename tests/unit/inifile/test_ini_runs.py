"""Iteration variables, their loops, and the filter that selects runs."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.errors import IniError
from simcrate.inifile import Config, Effort, parse_ini
from simcrate.inifile.iteration import expand


def config(text: str) -> Config:
    return parse_ini(text).config("General")


def scenarios(text: str) -> list[str]:
    return [run.iterationvars for run in config(text).runs()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("1, 2, 5", ["1", "2", "5"]),
        ("1..4", ["1", "2", "3", "4"]),
        ("1..10 step 3", ["1", "4", "7", "10"]),
        ("10..1 step -4", ["10", "6", "2"]),
        ("0.1..0.5 step 0.1", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        ("5..1", []),
        ("2*2..2*4", ["4", "5", "6", "7", "8"]),
        ("1, 5..7, foo", ["1", "5", "6", "7", "foo"]),
        ('"a, b", uniform(1,2)', ['"a, b"', "uniform(1,2)"]),
        ("1e6..2e6 step 5e5", ["1e+06", "1.5e+06", "2e+06"]),
    ],
)
def test_lists_of_values_are_expanded(values: str, expected: list[str]) -> None:
    assert list(expand(values)) == expected


def test_a_range_by_tenths_reaches_its_end_in_spite_of_rounding() -> None:
    assert list(expand("1..9 step 0.1"))[-1] == "9"


@pytest.mark.parametrize("values", ["1..", "1..x", "1..3 step 0", "1s..3s", "1..2 step"])
def test_a_range_that_is_none_is_an_error(values: str) -> None:
    with pytest.raises(IniError, match="range"):
        expand(values)


def test_values_are_found_by_their_place() -> None:
    values = expand("a, 1..1000000, b")

    assert (len(values), values[0], values[500_000], values[1_000_001]) == (
        1_000_002,
        "a",
        "500000",
        "b",
    )
    for index in (-1, 1_000_002):
        with pytest.raises(IndexError):
            values[index]


def test_the_last_variable_is_innermost_and_repetition_innermost_of_all() -> None:
    runs = list(config("repeat = 2\n**.a = ${a=1, 2}\n**.b = ${b=x, y}\n").runs())

    assert [run.scenario for run in runs[:4]] == [
        "$a=1, $b=x, $repetition=0",
        "$a=1, $b=x, $repetition=1",
        "$a=1, $b=y, $repetition=0",
        "$a=1, $b=y, $repetition=1",
    ]
    assert [run.number for run in runs] == list(range(8))


def test_a_parallel_variable_advances_with_the_other() -> None:
    assert scenarios("**.a = ${a=1, 2}\n**.b = ${b=x, y ! a}\n") == ["$a=1, $b=x", "$a=2, $b=y"]


def test_a_parallel_variable_with_too_few_values_is_an_error() -> None:
    with pytest.raises(IniError, match="fewer values") as raised:
        scenarios("**.a = ${a=1, 2}\n**.b = ${b=x ! a}\n")

    assert raised.value.line == 2


def test_a_parallel_variable_with_too_few_values_for_some_runs_is_an_error() -> None:
    with pytest.raises(IniError, match="fewer values"):
        scenarios("**.a = ${a=2, 1}\n**.b = ${b=1..$a ! a}\n")


def test_unnamed_variables_are_numbered() -> None:
    assert scenarios("**.a = ${1, 2}-${3}\n") == ["$0=1, $1=3", "$0=2, $1=3"]


def test_values_may_refer_to_variables_of_outer_loops() -> None:
    assert scenarios("**.a = ${a=1, 2}\n**.b = ${b=1..$a}\n") == [
        "$a=1, $b=1",
        "$a=2, $b=1",
        "$a=2, $b=2",
    ]


def test_a_variable_is_outside_of_those_that_refer_to_it_wherever_it_stands() -> None:
    assert scenarios("**.b = ${b=1..$a}\n**.a = ${a=2}\n") == ["$a=2, $b=1", "$a=2, $b=2"]


def test_a_constraint_leaves_runs_out_and_numbers_the_rest() -> None:
    runs = list(config("constraint = $a < $b\n**.a = ${a=1..3}\n**.b = ${b=1..3}\n").runs())

    assert [run.iterationvars for run in runs] == ["$a=1, $b=2", "$a=1, $b=3", "$a=2, $b=3"]
    assert [run.number for run in runs] == [0, 1, 2]


def test_the_nesting_order_can_be_given() -> None:
    text = "iteration-nesting-order = repetition, b, *\nrepeat = 2\n**.a = ${a=1, 2}\n**.b = ${b=x, y}\n"

    runs = list(config(text).runs())

    assert [(run.repetition, *run.itervars.values()) for run in runs[:3]] == [
        (0, "x", "1"),
        (0, "x", "2"),
        (0, "y", "1"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("**.a = ${a=1}\n**.b = ${a=2}\n", "defined twice, first in omnetpp.ini:1"),
        ("**.a = ${network=1}\n", "predefined"),
        ("**.a = ${a=$b}\n", "not defined"),
        ("".join(f"**.a{n} = ${{1}}\n" for n in range(2000)), "more than 100 iteration variables"),
        ("**.a = ${a=1 ! b}\n", "not defined"),
        ("**.a = ${a=$b}\n**.b = ${b=$a}\n", "in a circle"),
        ("**.a = ${a=1, 2\n", 'missing "}"'),
        ("**.a = ${a=1..x}\n", "range"),
        ("iteration-nesting-order = z\n**.a = ${a=1}\n", "no such variable"),
        ("iteration-nesting-order = *, *\n**.a = ${a=1}\n", r"only one \*"),
        ("constraint = $z > 1\n**.a = ${a=1}\n", "no such variable"),
        ("constraint = $a +\n**.a = ${a=1}\n", "cannot evaluate"),
    ],
)
def test_faults_of_iterations_are_named_with_the_file(text: str, message: str) -> None:
    with pytest.raises(IniError, match=message) as raised:
        scenarios(text)

    assert raised.value.file == "omnetpp.ini"


def test_a_million_runs_are_counted_without_being_made() -> None:
    study = config("repeat = 1000\n**.a = ${a=1..1000}\n")

    tracemalloc.start()
    count, last = study.run_count, study.run(999_999)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 1_000_000
    assert last.scenario == "$a=1000, $repetition=999"
    assert peak_bytes < 2 << 20


@pytest.mark.parametrize(
    "text",
    [
        "repeat = 1000\n**.a = ${a=1..1001}\n",
        "**.a = ${a=1..1e300}\n",
        "repeat = 2000000000\n",
    ],
)
def test_more_than_a_million_runs_are_refused(text: str) -> None:
    with pytest.raises(IniError, match="more than 1,000,000 runs"):
        _ = config(text).run_count


def test_loops_that_never_reach_a_run_are_stopped() -> None:
    with pytest.raises(IniError, match="combinations to go through"):
        _ = config("**.a = ${a=1..1e9}\n**.b = ${b=2e9..$a}\n").run_count


STUDY = "repeat = 2\n**.a = ${numHosts=10, 20}\n**.b = ${iaMean=1, 2}\n"


@pytest.mark.parametrize(
    ("run_filter", "numbers"),
    [
        ("", list(range(8))),
        ("*", list(range(8))),
        ("3", [3]),
        ("0,2,5..7", [0, 2, 5, 6, 7]),
        ("5-6, 1, 1", [5, 6, 1]),
        ("$numHosts>=15 && $iaMean==2", [6, 7]),
        ("$repetition == 0", [0, 2, 4, 6]),
        ('"$configname" =~ "Gen*" && ${numHosts} = 10', [0, 1, 2, 3]),
        ("$runnumber % 3 == 0", [0, 3, 6]),
    ],
)
def test_a_filter_selects_runs(run_filter: str, numbers: list[int]) -> None:
    assert [run.number for run in config(STUDY).select(run_filter)] == numbers


@pytest.mark.parametrize(
    ("run_filter", "message"),
    [
        ("8", "run 8 is out of range 0..7"),
        ("0..99999999999", "out of range"),
        ("1..", "neither a number nor a span"),
        ("-", "neither a number nor a span"),
        ("7..5", "no run that matches"),
        ("$numHosts > 100", "no run that matches"),
        ("$nodes > 1", r"no such variable: \$nodes"),
        ("$numHosts >", "cannot evaluate"),
        ("$numHosts", "neither true nor false"),
        ("all", "unknown name"),
    ],
)
def test_a_filter_that_selects_nothing_is_bad_input(run_filter: str, message: str) -> None:
    with pytest.raises(IniError, match=message):
        config(STUDY).select(run_filter)


def test_a_config_of_which_no_run_is_left_is_bad_input() -> None:
    with pytest.raises(IniError, match="has no runs"):
        config("constraint = false\n").select()


def test_more_runs_than_anybody_wants_at_once_are_refused() -> None:
    with pytest.raises(IniError, match="more than 100,000 runs"):
        config("repeat = 200000\n").select()


def test_values_are_spelled_in_file_names_as_omnetpp_does() -> None:
    study = config('**.x = ${x="say \\"hi\\" a/b #1 c_d\\té"}\n')

    assert study.run(0).iterationvarsf == "x=say_#22hi#22_a#2fb_##1_c#_d# 9#ffffffc3#ffffffa9-"


@pytest.mark.parametrize("condition", ["$a > 0", " && ".join(["$a > 0"] * 400)])
def test_conditions_that_would_take_long_are_refused_at_once(condition: str) -> None:
    constrained = f"constraint = {condition}\n**.a = ${{a=1..300000}}\n"

    with pytest.raises(IniError, match="combinations to go through"):
        _ = parse_ini(constrained).config("General", Effort(400_000)).run_count
    with pytest.raises(IniError, match="at once; select some by number"):
        config("**.a = ${a=1..300000}\n").select(condition)


def test_a_run_that_does_not_exist_is_an_error() -> None:
    for number in (-1, 8):
        with pytest.raises(IniError, match="has no run"):
            config(STUDY).run(number)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 3))
def test_runs_found_by_arithmetic_are_those_of_the_loops(sizes: list[int], repeat: int) -> None:
    lists = [f"**.x{i} = ${{v{i}=1..{size}}}\n" for i, size in enumerate(sizes)]
    study = config(f"repeat = {repeat}\n" + "".join(lists))

    runs = list(study.runs())

    assert study.run_count == len(runs)
    assert [study.run(number) for number in range(len(runs))] == runs


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex("[a-z][a-z0-9]{1,5}", fullmatch=True), st.integers(1, 4), max_size=3
    )
)
def test_any_constraint_of_one_variable_counts_as_many_runs_as_it_lists(
    sizes: dict[str, int],
) -> None:
    lists = "".join(f"**.{name} = ${{v{name}=1..{size}}}\n" for name, size in sizes.items())
    bounds = " && ".join(["true", *(f"$v{name} > 1" for name in sizes)])
    study = config(f"constraint = {bounds}\n{lists}")

    expected = 1
    for size in sizes.values():
        expected *= size - 1
    assert study.run_count == expected
