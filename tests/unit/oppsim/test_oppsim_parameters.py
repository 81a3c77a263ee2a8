"""Parameters of the model."""

from __future__ import annotations

import math

import pytest

from simcrate.inifile import parse_ini
from simcrate.oppsim.errors import ModelError
from simcrate.oppsim.parameters import ParameterReader
from tests.unit.oppsim.conftest import make_parameters


def test_defaults_are_those_of_the_reference_page() -> None:
    parameters = make_parameters()

    assert parameters.node_count == 20
    assert parameters.routing == "Epidemic"
    assert parameters.bandwidth_bps == 2e6
    assert parameters.buffer_size_bytes == (5e6,) * 20
    assert parameters.ttl_s == math.inf


def test_units_are_converted_and_patterns_matched_first_wins() -> None:
    parameters = make_parameters(
        "OppNet.numNodes = 3\nOppNet.node[1].bufferSize = 1MiB\n**.bufferSize = 2kB\nOppNet.ttl = 1.5h\n"
        "**.maxSpeed = 36kmph\n"
    )

    assert parameters.buffer_size_bytes == (2000.0, 2.0**20, 2000.0)
    assert parameters.ttl_s == 5400
    assert parameters.speed_mps[1] == pytest.approx(10)


def test_nothing_but_zero_means_no_limit() -> None:
    parameters = make_parameters("OppNet.bandwidth = 0bps\n**.bufferSize = 0B\n")

    assert parameters.bandwidth_bps == math.inf
    assert parameters.buffer_size_bytes[0] == math.inf


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("OppNet.ttl = 5kg", 'unknown unit "kg"'),
        ("OppNet.ttl = 5m", 'not a quantity in "s"'),
        ("OppNet.ttl = 60", 'not a quantity in "s"'),
        ("OppNet.ttl = -1s", "at least 0s"),
        ("OppNet.ttl = exponential(1s)", "unknown function"),
        ("OppNet.numNodes = 1", "at least 2"),
        ("OppNet.numNodes = 2.5", "whole number"),
        ("OppNet.numNodes = 1000001", "at most 100000"),
        ('OppNet.numNodes = "many"', "a number is needed"),
        ("OppNet.routing = Epidemic", 'unknown name "Epidemic"'),
        ('OppNet.routing = "Flooding"', "there is only Epidemic"),
        ("OppNet.minSpeed = 0mps", "at least 1e-06mps"),
        ("OppNet.minSpeed = 5mps", "above maxSpeed"),
        ("OppNet.prophetAging = 1.5", "from 0 to 1"),
        ("OppNet.numNodez = 5", "No parameter of network 'OppNet' matches 'OppNet.numNodez'"),
        ("**.node[99].bufferSize = 1MB", "No parameter"),
    ],
)
def test_an_assignment_that_does_not_fit_is_an_error(line: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make_parameters(line + "\n")


def test_an_error_names_the_line_of_the_assignment() -> None:
    with pytest.raises(ModelError, match=r"-- at omnetpp.ini:3$"):
        make_parameters("\nOppNet.ttl = 5kg\n")


def test_options_of_objects_are_no_assignments() -> None:
    make_parameters("**.vector-recording = false\n**.node[*].**.scalar-recording = true\n")


def test_every_value_is_noted_for_the_record() -> None:
    reader = ParameterReader(parse_ini("OppNet.numNodes = 2\nOppNet.ttl = 1min\n").entries)
    reader.read()

    noted = {(a.module, a.name): (a.value, a.unit) for a in reader.assignments}
    assert noted["OppNet", "ttl"] == ("60s", "s")
    assert noted["OppNet", "routing"] == ('"Epidemic"', "")
    assert noted["OppNet.node[1]", "bufferSize"] == ("5000000B", "B")
