"""`simcrate ini … --simulator`: an ini file that is meant for a simulator of this machine's portal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simcrate.cli.ini import ini
from simcrate.errors import BadInputError
from simcrate.portal.simulators.services import import_simulators

pytestmark = pytest.mark.django_db

STUDY = "[General]\nnetwork = Net\ndescription = one\n   repeat = 2\nrecord-eventlog = true\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "omnetpp.ini"
    path.write_text(STUDY)
    return path


@pytest.fixture(autouse=True)
def _inet() -> None:
    import_simulators("""
        [[simulators]]
        name = "inet"
        title = "INET"
        version = "5.7"
        command = ["/usr/bin/env"]
        allowed_keys = ["record-eventlog"]
    """)


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(ini, [str(word) for word in words])


def test_check_allows_what_the_definition_grants_and_only_then(study: Path) -> None:
    alone = call("check", study, "--json")
    granted = call("check", study, "--simulator", "inet", "--json")

    assert (alone.exit_code, json.loads(alone.output)["simulator"]) == (2, None)
    assert (granted.exit_code, json.loads(granted.output)["simulator"]) == (0, "inet")
    assert call("check", study, "--simulator", "oppsim").exit_code == 2


def test_all_three_read_by_the_rules_of_its_version(study: Path) -> None:
    for_inet = ("-c", "General", "--simulator", "inet")
    checked = json.loads(call("check", study, "--simulator", "inet", "--json").output)

    assert checked["configs"][0]["runs"] == 2
    assert len(json.loads(call("runs", study, *for_inet, "--json").output)) == 2
    assert call("show", study, *for_inet, "repeat").output == "2\n"


def test_rules_that_are_asked_for_come_before_those_of_its_version(study: Path) -> None:
    result = call("runs", study, "-c", "General", "--simulator", "inet", "--omnetpp", "6", "--json")

    assert len(json.loads(result.output)) == 1


def test_a_simulator_that_is_not_there_or_reads_no_ini_files_is_an_error(study: Path) -> None:
    import_simulators("""
        [[simulators]]
        name = "one"
        title = "The ONE"
        kind = "command"
        command = ["/usr/bin/env", "{ini}"]
    """)
    for name, says in [("ns3", "there are: oppsim, inet, one"), ("one", "settings of its own")]:
        result = call("check", study, "--simulator", name)

        assert isinstance(result.exception, BadInputError)
        assert says in str(result.exception)
