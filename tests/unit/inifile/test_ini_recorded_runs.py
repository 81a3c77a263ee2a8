"""Runs as OMNeT++ 6.1 numbered and named them, taken from the headers of recorded result files."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from simcrate.inifile import read_ini

DATA = Path(__file__).parents[2] / "data" / "inifile"
RECORDED = [
    ("small-aloha", "SmallStudy"),
    ("fifo-tandemstudy", "TandemQueueExperiment"),
    ("fifo-quoting", "Quoting"),
]


def recorded_headers(name: str) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Run attributes and iteration variables, in the order of run numbers."""
    headers = []
    for block in (DATA / f"{name}.headers").read_text(encoding="utf-8").split("\n\n"):
        words = [shlex.split(line) for line in block.splitlines()]
        headers.append(
            (
                {name: value for kind, name, value in words if kind == "attr"},
                {name: value for kind, name, value in words if kind == "itervar"},
            )
        )
    return headers


@pytest.mark.parametrize(("name", "config_name"), RECORDED)
def test_runs_have_the_numbers_and_values_that_omnetpp_recorded(
    name: str, config_name: str
) -> None:
    runs = list(read_ini(DATA / f"{name}.ini").config(config_name).runs())
    recorded = recorded_headers(name)

    assert [str(run.number) for run in runs] == [attrs["runnumber"] for attrs, _ in recorded]
    assert [run.itervars for run in runs] == [itervars for _, itervars in recorded]
    assert [str(run.repetition) for run in runs] == [attrs["repetition"] for attrs, _ in recorded]
    assert [str(run.seed_set) for run in runs] == [attrs["seedset"] for attrs, _ in recorded]


@pytest.mark.parametrize(("name", "config_name"), RECORDED)
def test_every_variable_has_the_text_that_omnetpp_recorded(name: str, config_name: str) -> None:
    config = read_ini(DATA / f"{name}.ini").config(config_name)

    for run, (recorded, _) in zip(config.runs(), recorded_headers(name), strict=True):
        variables = config.variables(run)
        assert recorded == {key: variables[key] for key in recorded}


@pytest.mark.parametrize(("name", "config_name"), RECORDED)
def test_each_run_found_by_its_number_is_the_one_of_the_list(name: str, config_name: str) -> None:
    config = read_ini(DATA / f"{name}.ini").config(config_name)

    assert [config.run(number) for number in range(config.run_count)] == list(config.runs())


def test_effective_values_carry_the_iteration_variables_of_the_run() -> None:
    config = read_ini(DATA / "fifo-quoting.ini").config("Quoting")
    run = config.run(7)

    assert config.value("SingleQueue.source.interarrivalTime", run) == "exponential(0.4s)"
    assert config.value("SingleQueue.fifo.serviceTime", run) == "exponential(0.1s)"
    assert config.value("**.note", run) == '"with space"'
    assert config.value("sim-time-limit", run) == "50s"
    assert config.value("SingleQueue.nothing", run) is None
