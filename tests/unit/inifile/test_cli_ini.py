"""`simcrate ini check|runs|show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simcrate.cli.ini import ini
from simcrate.errors import IniError

STUDY = """\
[General]
network = Net
[Config Study]
description = "sizes [and] times"
repeat = 2
Net.numHosts = ${numHosts=10, 20}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "omnetpp.ini"
    path.write_text(STUDY)
    return path


def call(*words: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(ini, [str(word) for word in words])


def test_check_of_a_good_file_lists_its_configs(study: Path) -> None:
    result = call("check", study)

    assert result.exit_code == 0
    assert "nothing is refused" in result.output
    assert "sizes [and] times" in result.output


def test_check_exits_2_with_every_refused_line_and_why(study: Path) -> None:
    study.write_text(STUDY + "load-libs = x\n**.x = readFile(y)\n")

    result = call("check", study)

    assert result.exit_code == 2
    assert (
        "omnetpp.ini:7: load-libs: this option may not be set here: it loads program code"
        in result.output
    )
    assert "omnetpp.ini:8: **.x: readFile() reads files" in result.output


def test_check_reports_all_faults_of_the_syntax(study: Path) -> None:
    study.write_text("[A\nnonsense\n")

    result = call("check", study)

    assert result.exit_code == 2
    assert "omnetpp.ini:1:" in result.output
    assert "omnetpp.ini:2:" in result.output


def test_check_reports_configs_whose_runs_cannot_be_counted(study: Path) -> None:
    study.write_text(STUDY + "constraint = $numHosts >\n")

    assert call("check", study).exit_code == 2


def test_check_tells_a_fault_once_that_several_configs_inherit(study: Path) -> None:
    study.write_text(STUDY.replace("network = Net", "*.x = ${1..5 step 0}"))
    result = call("check", study)

    assert result.exit_code == 2
    assert result.output.count("omnetpp.ini:2") == 1


def test_check_in_json_has_refusals_faults_and_configs(study: Path) -> None:
    study.write_text(STUDY + "load-libs = x\n")

    result = call("check", study, "--json")
    document = json.loads(result.output)

    assert result.exit_code == 2
    assert document["ok"] is False
    assert document["faults"] == []
    assert [(r["line"], r["key"]) for r in document["refusals"]] == [(7, "load-libs")]
    assert [(c["name"], c["runs"]) for c in document["configs"]] == [("General", 1), ("Study", 4)]


def test_check_warns_of_a_config_that_only_a_run_filter_makes_possible(study: Path) -> None:
    study.write_text(STUDY.replace("repeat = 2", "repeat = 5001"))
    says = "config Study has 10,002 runs; one simulation can have 10,000: choose some with a run"

    plain = call("check", study)
    machine = call("check", study, "--json")

    assert (plain.exit_code, machine.exit_code) == (0, 0)
    assert says in plain.stderr
    (warning,) = json.loads(machine.stdout)["warnings"]
    assert says in warning


def test_check_refuses_more_configs_than_can_be_offered(study: Path) -> None:
    study.write_text(STUDY + "".join(f"[Config C{number}]\n" for number in range(500)))
    result = call("check", study)

    assert result.exit_code == 2
    assert "omnetpp.ini: 502 configs; at most 500 can be offered" in result.output


def test_check_reads_indentation_as_the_asked_generation_does(study: Path) -> None:
    study.write_text("[A]\n  network = X\n  repeat = 2\n")

    assert call("check", study).exit_code == 2
    assert call("check", study, "--omnetpp", "5").exit_code == 0


def test_runs_lists_what_a_config_expands_to(study: Path) -> None:
    result = call("runs", study, "-c", "Study", "--json")

    assert [run["scenario"] for run in json.loads(result.output)] == [
        "$numHosts=10, $repetition=0",
        "$numHosts=10, $repetition=1",
        "$numHosts=20, $repetition=0",
        "$numHosts=20, $repetition=1",
    ]


def test_runs_takes_a_filter_and_prints_a_table(study: Path) -> None:
    result = call("runs", study, "-c", "Study", "-r", "$numHosts==20")

    assert result.exit_code == 0
    assert "$numHosts" in result.output
    assert " 10 " not in result.output


def test_show_prints_the_effective_value_alone(study: Path) -> None:
    assert call("show", study, "-c", "Study", "network").output == "Net\n"
    assert call("show", study, "-c", "Study", "Net.numHosts", "-r", "2").output == "20\n"
    assert json.loads(call("show", study, "-c", "Study", "repeat", "--json").output)["value"] == "2"


def test_show_without_a_key_lists_all_entries_in_the_order_of_search(study: Path) -> None:
    document = json.loads(call("show", study, "-c", "Study", "--json").output)

    assert [entry["key"] for entry in document] == [
        "description",
        "repeat",
        "Net.numHosts",
        "network",
    ]
    assert "omnetpp.ini:6" in call("show", study, "-c", "Study").output


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "-c", "Stdy"],
        ["runs", "-c", "Study", "-r", "9"],
        ["show", "-c", "Study", "no-such-key"],
        ["show", "-c", "Study", "-r", "9", "network"],
    ],
)
def test_bad_input_is_an_ini_error_which_the_command_ends_with_2(
    study: Path, words: list[str]
) -> None:
    result = call(words[0], study, *words[1:])

    assert isinstance(result.exception, IniError)


def test_a_file_that_does_not_exist_is_bad_usage(tmp_path: Path) -> None:
    assert call("check", tmp_path / "no.ini").exit_code == 2
