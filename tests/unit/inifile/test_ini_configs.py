"""Configurations: inheritance, descriptions, effective values."""

from __future__ import annotations

import pytest

from simcrate.errors import IniError
from simcrate.inifile import parse_ini


def test_a_config_falls_back_to_general() -> None:
    ini = parse_ini("[General]\nnetwork = X\nrepeat = 3\n[A]\nrepeat = 2\n")

    assert ini.config("A").value("network") == "X"
    assert ini.config("A").run_count == 2
    assert ini.config("A").info.extends == ("General",)


def test_parents_are_searched_in_the_order_of_c3() -> None:
    ini = parse_ini(
        "[General]\n[Base]\nx = base\ny = base\n[Left]\nextends = Base\nx = left\n"
        "[Right]\nextends = Base\nx = right\ny = right\n[Both]\nextends = Left, Right\n"
    )

    config = ini.config("Both")

    assert config.info.extends == ("Left", "Right", "Base", "General")
    assert (config.value("x"), config.value("y")) == ("left", "right")


def test_a_parent_that_does_not_exist_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(IniError, match=r'extends "Bse".*did you mean "Base"') as raised:
        _ = parse_ini("[Base]\n[A]\nextends = Bse\n").configs

    assert raised.value.line == 3


@pytest.mark.parametrize(
    "text",
    ["[A]\nextends = A\n", "[A]\nextends = B\n[B]\nextends = A\n"],
)
def test_a_config_that_extends_itself_is_an_error(text: str) -> None:
    with pytest.raises(IniError, match="extends itself"):
        parse_ini(text).config("A")


def test_a_ladder_of_sections_is_no_effort() -> None:
    rungs = "".join(
        f"[A{n}]\nextends = A{n - 1}, B{n - 1}\n[B{n}]\nextends = A{n - 1}, B{n - 1}\n"
        for n in range(1, 40)
    )
    ini = parse_ini("[A0]\n[B0]\nx = 1\n" + rungs)

    assert ini.config("B39").value("x") == "1"


def test_sections_that_extend_each_other_in_a_long_row_are_refused() -> None:
    row = "".join(f"[S{n}]\nextends = S{n + 1}\n" for n in range(2000)) + "[S2000]\n"

    with pytest.raises(IniError, match="more than 50 sections"):
        parse_ini(row).config("S0")


def test_parents_in_contradicting_order_are_an_error() -> None:
    text = "[A]\n[B]\n[C]\nextends = A, B\n[D]\nextends = B, A\n[E]\nextends = C, D\n"

    with pytest.raises(IniError, match="contradict each other"):
        parse_ini(text).config("E")


def test_a_config_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(IniError, match='no config "Epidemc"; did you mean "Epidemic"') as raised:
        parse_ini("[Config Epidemic]\n[Config Direct]\n").config("Epidemc")

    assert "Direct" in str(raised.value)


def test_general_exists_even_without_a_section() -> None:
    assert parse_ini("[A]\nx = 1\n").config("General").run_count == 1


def test_the_description_is_inherited_and_without_quotes() -> None:
    ini = parse_ini('[General]\ndescription = "say \\"hi\\""\n[A]\n')

    assert [info.description for info in ini.configs] == ['say "hi"', 'say "hi"']


def test_a_config_without_a_network_says_so() -> None:
    assert parse_ini("[A]\nx = 1\n").configs[0].network == ""


def test_resultdir_is_subdivided_when_asked_for() -> None:
    config = parse_ini("resultdir-subdivision = true\n**.x = ${n=5}\n[A]\n").config("A")

    assert config.variables(config.run(0))["resultdir"] == "results/A/n=5"


def test_the_run_number_is_padded_to_the_asked_width() -> None:
    config = parse_ini("runnumber-width = 3\n**.x = ${n=1..20}\n").config("General")

    assert config.variables(config.run(7))["runnumber"] == "007"


def test_variables_of_the_process_replace_their_placeholders() -> None:
    config = parse_ini("output-scalar-file = ${runid}.sca\n").config("General")

    (entry,) = config.entries(config.run(0), {"runid": "General-0"})

    assert entry.value == "General-0.sca"


def test_seed_set_can_be_the_repetition() -> None:
    config = parse_ini("seed-set = ${repetition}\nrepeat = 2\n**.x = ${n=1, 2}\n").config("General")

    assert [run.seed_set for run in config.runs()] == [0, 1, 0, 1]


@pytest.mark.parametrize("value", ["-1", "1.5", "many", "1s", "99999999999"])
def test_a_repeat_that_is_no_count_is_an_error_with_its_line(value: str) -> None:
    config = parse_ini(f"[A]\nrepeat = {value}\n").config("A")

    with pytest.raises(IniError) as raised:
        _ = config.run_count

    assert raised.value.line == 2
