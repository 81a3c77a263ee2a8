"""The check of a definition, with a program that may leave anything."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from simcrate.simulators import SandboxKind, Simulator, SimulatorKind
from simcrate.simulators.check import Step, Trial, check_simulator

DEEP = """
os.chdir('results')
open('a.sca', 'w').close()
for _ in range({levels}):
    os.mkdir({name!r})
    os.chdir({name!r})
"""


@pytest.fixture
def temporary_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the check works."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def run_step(tmp_path: Path, script: str) -> Step:
    ini = tmp_path / "study" / "study.ini"
    ini.parent.mkdir()
    ini.touch()
    simulator = Simulator(
        name="hostile",
        title="Hostile",
        kind=SimulatorKind.COMMAND,
        command=(sys.executable, "-c", f"import os\n{script}"),
        is_ours=True,
    )
    *_, step = check_simulator(simulator, SandboxKind.NONE, Trial(ini_path=ini, config=""))
    assert step.name == "run"
    return step


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        pytest.param(50, "n" * 100, id="longer than any path"),
        pytest.param(1100, "d", id="deeper than Python recurses", marks=pytest.mark.slow),
    ],
)
def test_a_deep_tree_is_counted_as_far_as_it_can_be_and_goes(
    tmp_path: Path, temporary_dir: Path, levels: int, name: str
) -> None:
    step = run_step(tmp_path, DEEP.format(levels=levels, name=name))

    assert step.ok
    assert step.seen.startswith("1 result files")
    assert not list(temporary_dir.iterdir())


def test_a_link_in_the_place_of_the_results_is_no_result(
    tmp_path: Path, temporary_dir: Path
) -> None:
    step = run_step(tmp_path, f"os.rmdir('results'); os.symlink({str(tmp_path)!r}, 'results')")

    assert not step.ok
    assert step.seen.startswith("it left no results")
    assert not list(temporary_dir.iterdir())
