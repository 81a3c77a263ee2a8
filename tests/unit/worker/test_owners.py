"""Who holds a lease, and whether that one still lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simcrate.worker.identity import is_alive, machine_name, owner_name

SAY_OWNER = "from simcrate.worker.identity import owner_name; print(owner_name('lab'), flush=True)"


def test_this_process_is_alive() -> None:
    assert is_alive(owner_name("lab"))


def test_an_owner_that_was_killed_is_dead() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", f"{SAY_OWNER}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        assert is_alive(owner)
        process.kill()
        process.wait()

        assert not is_alive(owner)


@pytest.mark.parametrize("owner", ["lab/1/1795624638.12", "lab/1"])
def test_an_owner_that_another_version_named_keeps_its_lease_to_its_end(owner: str) -> None:
    assert is_alive(owner)


def test_an_owner_says_its_machine_and_pid_and_fits_its_column() -> None:
    owner = owner_name("a" * 64 + "-3f2a1b4c")

    assert owner.split("/")[0] == "a" * 64 + "-3f2a1b4c"
    assert len(owner) <= 200


def test_a_machine_keeps_its_name(tmp_path: Path) -> None:
    assert machine_name(tmp_path / "var") == machine_name(tmp_path / "var")


def test_two_var_directories_are_two_machines(tmp_path: Path) -> None:
    assert machine_name(tmp_path / "one") != machine_name(tmp_path / "two")
