"""The programs below `scripts/` run from a checkout, by whatever Python is first on the path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON = Path(sys.base_prefix) / "bin" / "python3"
PROGRAMS = ["local-cloud.py", "seafile-get-token.py", "seafile-list-repo-ids.py"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "src").symlink_to(ROOT / "src")
    return tmp_path


def run(checkout: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Start it by a Python without any package."""
    return subprocess.run(
        [PYTHON, "-S", str(checkout / "scripts" / program), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_finds_the_packages_of_its_checkout(checkout: Path, program: str) -> None:
    (checkout / ".venv").symlink_to(sys.prefix)
    done = run(checkout, program)

    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_packages_a_program_says_how_to_get_them(checkout: Path, program: str) -> None:
    done = run(checkout, program)

    assert done.returncode == 1
    assert "`make .venv/run.stamp`" in done.stderr
    assert "Traceback" not in done.stderr
