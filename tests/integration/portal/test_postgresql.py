"""The same portal on PostgreSQL: tables, a submission, its states, cancel; several that start at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgresql import postgresql

pytestmark = pytest.mark.services

PREPARE = """
from simcrate.cli.portal import start_portal
start_portal()
"""
SUBMIT = (
    PREPARE
    + """
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.drafts import draft_again
from simcrate.portal.simulations.queries import interesting_runs, overview, visible_to
from simcrate.portal.simulations.services import cancel_simulation, submit_simulation
from simcrate.portal.storages.services import create_or_update, get_definition
from simcrate.storage import StorageDefinition

alice = User.objects.create(username="alice")
local = StorageDefinition(name="Local", id="local", token="127.0.0.1:1", config={"secret": "s" * 12})
create_or_update(local)
assert get_definition("local").config == {"secret": "s" * 12}
ini = b"[General]\\nnetwork = N\\n*.a = ${a=1,2}\\n"
simulation = submit_simulation(
    owner=alice, ini_name="omnetpp.ini", files={"omnetpp.ini": ini}, config="General",
    precision_s=1, storage_id="local",
)
print(overview(visible_to(alice).get()).standing.state)
print([run.itervars for run in interesting_runs(simulation)])
draft_again(simulation, owner=alice)
cancel_simulation(simulation, who="alice")
print(overview(visible_to(alice).get()).standing.state)
"""
)
ASK_WITH_NULS = (
    PREPARE
    + """
from django.test import Client
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend

simulation = Simulation.objects.create(
    owner=User.objects.create(username="bob"), title="study", simulator="oppsim",
    ini_name="omnetpp.ini", config="General", precision_s=1,
    storage=StorageBackend.objects.create(name="His", identifier="local:his", token="127.0.0.1:1"),
)
bob = Client(headers={"Host": "127.0.0.1"})
bob.force_login(simulation.owner)
print(Client(headers={"Host": "127.0.0.1"}).get("/r/a%00b").status_code)
print(bob.post(f"/simulations/{simulation.pk}/deliver/", {"storage_id": "a\\0"}).status_code)
path = f"/api/v1/simulations/{simulation.pk}/deliveries"
print(bob.post(path, {"storage_backend_id": "a\\0"}).status_code)
"""
)

NETWORK = (
    PREPARE
    + """
import socket
from django.db import connection

connection.ensure_connection()
wire = socket.socket(fileno=connection.connection.fileno())
print(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
print(wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
wire.detach()
"""
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with postgresql() as url:
        var_dir: Path = tmp_path_factory.mktemp("var")
        yield {**os.environ, "SIMCRATE_VAR": str(var_dir), "SIMCRATE_DATABASE_URL": url}


def test_programs_that_start_at_once_make_the_tables_once(environment: dict[str, str]) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", PREPARE], env=environment) for _ in range(3)
    ]

    assert [starter.wait() for starter in starters] == [0, 0, 0]


def test_a_simulation_is_submitted_and_cancelled(environment: dict[str, str]) -> None:
    assert said_by(SUBMIT, environment) == ["queued", "[{'a': '1'}, {'a': '2'}]", "cancelled"]


def test_characters_that_postgresql_does_not_take_are_refused_like_others(
    environment: dict[str, str],
) -> None:
    assert said_by(ASK_WITH_NULS, environment) == ["404", "302", "422"]


def test_a_database_that_cannot_be_reached_any_more_is_noticed(
    environment: dict[str, str],
) -> None:
    assert said_by(NETWORK, environment) == ["20000", "1"]


def said_by(program: str, environment: dict[str, str]) -> list[str]:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()
