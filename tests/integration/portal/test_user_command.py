"""`simcrate user add`, as an administrator types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
from simcrate.cli.portal import use_portal
use_portal()
from simcrate.portal.accounts.models import User
from simcrate.portal.accounts.queries import confirmed_addresses
for user in User.objects.all():
    print(user.username, user.is_superuser, confirmed_addresses(user))
"""


def run(var_dir: Path, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SIMCRATE_VAR": str(var_dir)}
    return subprocess.run(
        [sys.executable, *command],
        check=False,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


def test_the_first_administrator_is_made_on_the_command_line(var_dir: Path) -> None:
    add = ("-m", "simcrate", "user", "add", "--admin", "--email", "root@example.org", "root")
    typed = "a-long-password-1\na-long-password-1\n"

    made = run(var_dir, *add, typed=typed)
    again = run(var_dir, *add, typed=typed)

    assert made.returncode == 0, made.stderr
    assert again.returncode == 2
    assert "already a user 'root'" in again.stderr
    assert run(var_dir, "-c", COUNT).stdout == "root True ['root@example.org']\n"


def test_commands_that_start_at_once_on_a_new_machine_make_the_tables_once(tmp_path: Path) -> None:
    environment = {**os.environ, "SIMCRATE_VAR": str(tmp_path / "var")}
    command = [sys.executable, "-m", "simcrate", "user", "add", "--generate"]
    starters = [
        subprocess.Popen([*command, name], env=environment, stdout=subprocess.DEVNULL)
        for name in ("alice", "bob", "charlie")
    ]

    assert [starter.wait() for starter in starters] == [0, 0, 0]
    assert len(run(tmp_path / "var", "-c", COUNT).stdout.splitlines()) == 3


def test_a_weak_password_is_refused_with_the_reason(var_dir: Path) -> None:
    made = run(var_dir, "-m", "simcrate", "user", "add", "eve", typed="12345\n12345\n")

    assert made.returncode == 2
    assert "too short" in made.stderr


def test_a_generated_password_is_the_only_line_of_output(var_dir: Path) -> None:
    made = run(var_dir, "-m", "simcrate", "user", "add", "--generate", "carol")

    assert made.returncode == 0
    assert len(made.stdout.splitlines()) == 1
    assert len(made.stdout.strip()) >= 16
