"""What is made at the first start."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from simcrate.errors import SimCrateError
from simcrate.portal.start import prepare


def test_the_first_start_makes_private_secrets(tmp_path: Path) -> None:
    prepare(tmp_path / "var")

    secrets = tmp_path / "var" / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in secrets.iterdir()) == ["django-key", "field-keys"]
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o600}


def test_a_directory_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    var_dir = tmp_path / "var"
    for directory in (var_dir, var_dir / "outbox", var_dir / "secrets"):
        directory.mkdir(mode=0o755)

    prepare(var_dir)

    assert {path.stat().st_mode & 0o077 for path in (var_dir, *var_dir.iterdir())} == {0}


def test_a_directory_that_is_meant_to_be_shared_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    prepare(tmp_path)

    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_the_database_of_a_program_is_private_wherever_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    program = (
        "import os; os.umask(0o022); from simcrate.cli.portal import start_portal; start_portal()"
    )
    environment = {**os.environ, "SIMCRATE_VAR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    assert (tmp_path / "db.sqlite3").stat().st_mode & 0o777 == 0o600


def test_later_starts_keep_the_secrets(tmp_path: Path) -> None:
    prepare(tmp_path)
    before = read_all(tmp_path)

    prepare(tmp_path)

    assert read_all(tmp_path) == before


def test_many_that_start_at_once_end_with_the_same_secrets(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        seen = list(pool.map(prepare_and_read, [tmp_path] * 12))

    assert all(each == seen[0] for each in seen)
    assert len(list((tmp_path / "secrets").iterdir())) == 2


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    prepare(tmp_path / "a")
    prepare(tmp_path / "b")

    assert not set(read_all(tmp_path / "a").values()) & set(read_all(tmp_path / "b").values())


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a directory should be")

    with pytest.raises(SimCrateError, match=r"a file stands in its place; .*SIMCRATE_VAR"):
        prepare(tmp_path / "var")


def prepare_and_read(var_dir: Path) -> dict[str, str]:
    prepare(var_dir)
    return read_all(var_dir)


def read_all(var_dir: Path) -> dict[str, str]:
    return {
        path.name: path.read_text()
        for path in (var_dir / "secrets").iterdir()
        if path.name[0] != "."
    }


def start(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simcrate", *arguments]
    environment = {**os.environ, **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_database_that_is_away_at_the_start_is_a_sentence_without_its_password(
    tmp_path: Path,
) -> None:
    url = "postgresql://simcrate:hunter2@127.0.0.1:1/crates"
    ended = start("web", SIMCRATE_VAR=str(tmp_path), SIMCRATE_DATABASE_URL=url)

    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "simcrate: could not use the database 'crates' at 127.0.0.1:1: connection failed:"
    )
    assert len(ended.stderr.splitlines()) == 1
    assert "hunter2" not in ended.stderr


def test_a_machine_that_only_runs_says_that_the_tables_are_not_made(tmp_path: Path) -> None:
    staging = {"SIMCRATE_STAGING_URL": "http://127.0.0.1:1"}
    ended = start("worker", SIMCRATE_VAR=str(tmp_path), **staging)

    assert ended.returncode == 1
    assert f"the database '{tmp_path}/db.sqlite3' has no tables of SimCrate" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
