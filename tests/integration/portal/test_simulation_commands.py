"""`simcrate status` and `cancel` name a simulation by its id or by the beginning of it."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from simcrate.cli import simulations
from simcrate.errors import BadInputError
from simcrate.portal.simulations.models import Simulation
from tests.integration.portal.conftest import Submit

FIRST = UUID("0c2f4ab1-7fde-4f0e-9a52-6f1f0e8f9a01")
SECOND = UUID("0c2f4ab1-8000-4f0e-9a52-6f1f0e8f9a02")


@pytest.fixture(autouse=True)
def _portal_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulations, "use_portal", lambda: None)


@pytest.fixture
def both(submit: Submit) -> None:
    for wanted in (FIRST, SECOND):
        simulation = submit(title="How density and speed of nodes matter to epidemic routing")
        Simulation.objects.filter(pk=simulation.pk).delete()
        simulation.pk = wanted
        simulation.save(force_insert=True)


def call(name: str, *arguments: str) -> Result:
    return CliRunner().invoke(getattr(simulations, name), arguments, catch_exceptions=False)


@pytest.mark.usefixtures("both")
def test_status_lists_whole_ids_also_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert {str(FIRST), str(SECOND)} <= set(call("status").stdout.split())


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("beginning", [str(FIRST), "0c2f4ab1-7", "0C2F4AB1-7FDE"])
def test_the_beginning_of_an_id_does_where_no_other_has_it(beginning: str) -> None:
    (shown,) = json.loads(call("status", beginning, "--json").stdout)

    assert shown["id"] == str(FIRST)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("command", ["status", "cancel", "repack"])
@pytest.mark.parametrize(
    ("beginning", "says"),
    [
        ("0c2f4ab1", f"several ids begin .*{FIRST}"),
        ("0c2f4ab2", "there is no simulation"),
        ("%%%%", "there is no simulation"),
        ("0c2", "at least 4 characters"),
    ],
)
def test_a_beginning_that_names_none_or_several_is_bad_input(
    command: str, beginning: str, says: str
) -> None:
    with pytest.raises(BadInputError, match=says):
        call(command, beginning)
