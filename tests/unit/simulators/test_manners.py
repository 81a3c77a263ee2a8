"""A binary is asked for its options as carefully as it is run."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import simcrate.simulators
from simcrate.errors import SimulationError
from simcrate.simulators import OPPSIM, UNFENCED, Limits, Simulator, known_cmdenv_options, manners

OPTION = "record-eventlog"


def binary(script: str) -> Simulator:
    return replace(
        OPPSIM,
        command=(sys.executable, "-c", f"import os, sys\n{script}"),
        environment={"MODELS": "here"},
    )


def test_it_is_asked_without_our_environment_and_with_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIMCRATE_DATABASE_URL", "postgresql://user:secret@host/db")
    asked = binary(
        f"if os.environ['MODELS'] == 'here' and 'secret' not in str(os.environ): print('{OPTION}')"
    )

    assert known_cmdenv_options(asked, UNFENCED) == {OPTION}


def test_it_is_asked_in_a_session_of_its_own_with_closed_input() -> None:
    asked = binary(f"if os.getsid(0) == os.getpid() and not sys.stdin.read(): print('{OPTION}')")

    assert known_cmdenv_options(asked, UNFENCED) == {OPTION}


def test_an_answer_without_end_is_cut_off_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "ANSWER_LIMITS", Limits(wall_time_s=1))
    asked = binary("while True: print('y' * 1000)")

    with pytest.raises(SimulationError, match=r"its options: The time limit of 1 s was reached\."):
        known_cmdenv_options(asked, UNFENCED)


def test_what_knows_none_of_the_options_is_refused() -> None:
    with pytest.raises(
        SimulationError, match=r"names none of its options \(exit code 3\)"
    ) as error:
        known_cmdenv_options(binary("print('no such thing'); sys.exit(3)"), UNFENCED)
    assert error.value.detail == "no such thing"


def test_only_one_module_starts_programs() -> None:
    (package,) = simcrate.simulators.__path__
    starting = {
        path.name
        for path in Path(package).glob("*.py")
        if {"subprocess", "multiprocessing"} & _imported(path)
    }

    assert starting == {"process.py"}


def _imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
