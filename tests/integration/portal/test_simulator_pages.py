"""The pages on simulators say what there is, and their examples are good definitions."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from simcrate.errors import DefinitionError
from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.simulators.parameters import Parameter, fill
from simcrate.portal.simulators.services import (
    export_simulators,
    get_simulator,
    import_simulators,
    template_of,
)
from simcrate.simulators import UNFENCED, RunArguments, command_of, reader_of
from simcrate.simulators.plaincommand import PROGRESS_GROUPS

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "simulators.md").read_text()
PAGES = ["reference/simulators.md", "how-to/add-a-simulator.md", "how-to/run-omnetpp.md"]
RUN = RunArguments(ini_name="settings.txt", config="", number=2, result_dir="results")


def examples(page: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def keys_of_table(heading: str) -> set[str]:
    table = REFERENCE[REFERENCE.index(heading) :].partition("\n\n")[0]
    return {
        key for line in table.splitlines() for key in re.findall(r"`([^`]+)`", line.split("|")[1])
    }


def test_every_key_is_in_the_reference_and_no_other() -> None:
    columns = {field.name for field in SimulatorDefinition._meta.fields} - {"id"}

    assert keys_of_table("| key |") == columns


def test_every_key_of_a_parameter_is_in_the_reference_and_no_other() -> None:
    assert keys_of_table("| key of a parameter |") == {field.name for field in fields(Parameter)}


def test_every_group_of_a_pattern_is_in_the_reference_and_no_other() -> None:
    assert keys_of_table("| group |") == PROGRESS_GROUPS


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_can_be_imported(db: None, page: str) -> None:
    found = examples(page)

    assert found
    for text in found:
        import_simulators(text)


def test_the_one_is_started_for_one_run_counted_from_1(db: None) -> None:
    import_simulators(examples("how-to/add-a-simulator.md")[0])

    command = command_of(get_simulator("one"), RUN, UNFENCED)

    assert command[-4:] == ("core.DTNSim", "-b", "3:3", "settings.txt")


def test_the_one_leaves_its_reports_where_its_settings_say(db: None) -> None:
    page = (DOCS / "how-to/add-a-simulator.md").read_text()
    import_simulators(examples("how-to/add-a-simulator.md")[0])

    assert f"Report.reportDir = {get_simulator('one').result_dir}/\n" in page


@pytest.mark.parametrize(
    "result_dir", ["/out", "..", "a/../b", ".", "./a", "a/", "results", "results/a", ".tmp"]
)
def test_results_are_left_below_the_working_directory_where_nothing_else_is(
    db: None, result_dir: str
) -> None:
    with pytest.raises(DefinitionError, match="simulator 'a': result_dir: "):
        import_simulators(definition("command", result_dir))


def test_only_a_command_has_a_place_of_its_own_for_results(db: None) -> None:
    with pytest.raises(DefinitionError, match="result_dir: only for the kind command"):
        import_simulators(definition("omnetpp", "out"))


def test_who_says_nothing_leaves_results_in_results(db: None) -> None:
    import_simulators(definition("command", ""))

    assert get_simulator("a").result_dir == "results"


def definition(kind: str, result_dir: str) -> str:
    return f"""
[[simulators]]
name = "a"
title = "A"
kind = "{kind}"
command = ["a"]
result_dir = "{result_dir}"
"""


def test_the_line_that_the_one_prints_once_a_minute_is_understood(db: None) -> None:
    import_simulators(examples("how-to/add-a-simulator.md")[0])
    reader = reader_of(get_simulator("one"))
    reader.read("60.0 7321: 122.02 1/s")

    assert (reader.sim_time_s, reader.sim_s_per_s) == (7321, 122.02)


def test_the_template_of_the_reference_becomes_an_ini(db: None) -> None:
    import_simulators(examples("reference/simulators.md")[0])
    template = template_of("fifo")
    assert template
    answers = {"interarrival": "0.1, 0.2", "fifo": "true", "repetitions": "3"}

    ini = fill(template.text, template.parameters, answers)

    assert "exponential(${interarrival=0.1s, 0.2s})" in ini
    assert "repeat = 3" in ini


def test_what_is_exported_can_be_imported_and_is_the_same(db: None) -> None:
    for page in PAGES:
        for text in examples(page):
            import_simulators(text)
    before = list(SimulatorDefinition.objects.values())
    exported = export_simulators()
    SimulatorDefinition.objects.update(command="/bin/false", template="", tags="")

    import_simulators(exported)

    assert list(SimulatorDefinition.objects.values()) == before
