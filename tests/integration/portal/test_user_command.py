"""`simcrate user add`, as an administrator types it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ADD = (sys.executable, "-m", "simcrate", "user", "add")
START = (sys.executable, "-c", "from simcrate.cli.portal import start_portal; start_portal()")
PASSWORD_TWICE = "a-long-password-1\na-long-password-1\n"


def environment(var_dir: Path) -> dict[str, str]:
    return {**os.environ, "SIMCRATE_VAR": str(var_dir)}


def add(var_dir: Path, *options: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ADD, *options],
        check=False,
        env=environment(var_dir),
        input=typed,
        capture_output=True,
        text=True,
    )


def query(var_dir: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(var_dir / "db.sqlite3")) as database:
        return database.execute(sql).fetchall()


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("var")
    subprocess.run(START, check=True, env=environment(made))
    return made


def test_the_first_administrator_is_made_on_the_command_line(var_dir: Path) -> None:
    options = ("--admin", "--email", "root@example.org", "root")

    made = add(var_dir, *options, typed=PASSWORD_TWICE)
    again = add(var_dir, *options, typed=PASSWORD_TWICE)

    assert made.returncode == 0, made.stderr
    assert again.returncode == 2
    assert "already a user 'root'" in again.stderr
    assert query(var_dir, "SELECT username, is_superuser FROM accounts_user") == [("root", 1)]
    addresses = query(var_dir, "SELECT email, verified FROM account_emailaddress")
    assert addresses == [("root@example.org", 1)]


def test_a_weak_password_is_refused_with_the_reason(var_dir: Path) -> None:
    made = add(var_dir, "eve", typed="12345\n12345\n")

    assert made.returncode == 2
    assert "too short" in made.stderr


def test_an_address_that_is_none_is_refused_and_nobody_is_made(var_dir: Path) -> None:
    made = add(var_dir, "--generate", "--email", "bad", "bad")

    assert made.returncode == 2
    assert "could not make the user 'bad': Enter a valid email address." in made.stderr
    assert query(var_dir, "SELECT id FROM accounts_user WHERE username = 'bad'") == []


def test_the_answer_names_the_database_and_the_password_is_all_of_the_output(var_dir: Path) -> None:
    made = add(var_dir, "--generate", "carol")

    assert made.stderr == f"made the user 'carol' in the database '{var_dir}/db.sqlite3'\n"
    assert len(made.stdout.strip()) >= 16


def test_in_a_wrong_directory_no_portal_is_made_and_no_password_asked_for(tmp_path: Path) -> None:
    wrong = tmp_path / "var"
    made = add(wrong, "--admin", "root")

    assert made.returncode == 2
    assert f"there is no portal in '{wrong}'" in made.stderr
    assert "SIMCRATE_VAR" in made.stderr
    assert not wrong.exists()


def test_programs_that_start_at_once_on_a_new_machine_make_the_tables_once(tmp_path: Path) -> None:
    starters = [subprocess.Popen(START, env=environment(tmp_path)) for _ in range(2)]

    assert [starter.wait() for starter in starters] == [0, 0]
    assert query(tmp_path, "SELECT id FROM accounts_user") == []
