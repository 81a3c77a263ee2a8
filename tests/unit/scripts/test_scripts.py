"""What a newcomer's machine may lack is said in a sentence, before anything is done."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("bash") or "bash", str(ROOT / "scripts" / script), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_without_python_the_package_is_named(tmp_path: Path) -> None:
    done = run("make-venv.sh", str(tmp_path / "venv"), "x.txt", PYTHON="no-such-python")

    assert done.returncode == 1
    assert "install the package python3" in done.stderr


def test_an_old_python_is_named_with_what_to_do(tmp_path: Path) -> None:
    old = program(tmp_path, "python3.9", 'case "$1" in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    done = run("make-venv.sh", str(tmp_path / "venv"), "x.txt", PYTHON=str(old))

    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert "3.9.2" in done.stderr


def test_without_venv_the_package_is_named(tmp_path: Path) -> None:
    bare = program(tmp_path, "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = run("make-venv.sh", str(tmp_path / "venv"), "x.txt", PYTHON=str(bare))

    assert done.returncode == 1
    assert "install the package python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A PATH on which none of the services is, and `id` says that we are nobody in particular."""
    program(tmp_path, "id", "echo 1000")
    return tmp_path


def test_who_may_not_install_is_told_the_one_line_to_run(bare_machine: Path) -> None:
    done = run("install-services.sh", PATH=str(bare_machine))

    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1].strip()
    assert line.startswith("sudo apt-get update && sudo apt-get install -y")
    for package in ("redis-server", "chromium", "bubblewrap"):
        assert package in line


def test_who_may_install_does_so_and_is_told(bare_machine: Path) -> None:
    program(bare_machine, "id", "echo 0")
    program(bare_machine, "apt-get", f'echo "$@" >> {bare_machine}/asked')
    done = run("install-services.sh", PATH=str(bare_machine))

    assert done.returncode == 0, done.stderr
    assert "Installing what the tests need: redis-server" in done.stdout
    asked = (bare_machine / "asked").read_text().splitlines()
    assert asked[0].startswith("update")
    assert asked[1].startswith("install -y")


@pytest.mark.services
def test_where_everything_is_there_nothing_is_said() -> None:
    done = run("install-services.sh")

    assert (done.returncode, done.stdout) == (0, "")
