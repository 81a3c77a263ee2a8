"""`simcrate ini runs --check-with`, with simulators of this machine's portal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simcrate.cli.ini import ini
from simcrate.errors import BadInputError, IniError
from simcrate.portal.simulators.services import import_simulators

pytestmark = pytest.mark.django_db

STUDY = "[General]\nnetwork = OppNet\n[Config Study]\n*.numNodes = ${n=4, 5}\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "omnetpp.ini"
    path.write_text(STUDY)
    return path


def call(study: Path, simulator: str, *words: str) -> Result:
    arguments = ["runs", str(study), "-c", "Study", "--check-with", simulator, *words]
    return CliRunner().invoke(ini, arguments)


def test_runs_that_the_simulator_lists_alike_exit_with_0(study: Path) -> None:
    result = call(study, "oppsim")

    assert result.exit_code == 0, result.exception
    assert "oppsim lists the same 2 runs" in result.stderr
    assert "seed set" in result.stdout


@pytest.mark.services  # bubblewrap
def test_runs_that_differ_are_an_error_of_the_ini(study: Path, tmp_path: Path) -> None:
    program = tmp_path / "wrong"
    program.write_text(
        "#!/bin/sh\necho '  cmdenv-interactive'\necho 'Run 0: $n=5, $repetition=0'\n"
    )
    program.chmod(0o755)
    import_simulators(f'[[simulators]]\nname="wrong"\ntitle="Wrong"\ncommand=["{program}"]\n')
    result = call(study, "wrong")

    assert isinstance(result.exception, IniError)
    assert "run 0 is $n=5, $repetition=0 for the simulator" in str(result.exception)
    assert "does not list run 1" in str(result.exception)


def test_an_ini_that_may_not_be_run_is_not_given_to_the_simulator(study: Path) -> None:
    study.write_text(STUDY + "load-libs = /tmp/evil\n")
    result = call(study, "oppsim")

    assert isinstance(result.exception, IniError)
    assert "load-libs" in str(result.exception)


def test_a_simulator_that_is_not_there_is_named(study: Path) -> None:
    assert isinstance(call(study, "nobody").exception, BadInputError)


@pytest.mark.services  # bubblewrap
def test_the_rules_of_the_simulators_version_hold(study: Path) -> None:
    study.write_text("[Config Study]\nnetwork = Net\n  repeat = 3\n")
    import_simulators('[[simulators]]\nname="old"\ntitle="Old"\nversion="5.6"\ncommand=["true"]\n')
    result = call(study, "old", "--json")

    assert result.stdout.count('"number"') == 3
