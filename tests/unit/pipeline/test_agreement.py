from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from simcrate.pipeline.agreement import MOST_TOLD, disagreements
from simcrate.pipeline.jobs import RunOutcome, RunState
from simcrate.results import ResultSet, open_results


def recorded(tmp_path: Path, number: int, repetition: str = "0", **itervars: str) -> Path:
    """A scalar file whose header says what the simulator took its run for."""
    path = tmp_path / f"{number}.sca"
    lines = [
        "version 3",
        f"run Study-{number}",
        f"attr runnumber {number}",
        f"attr repetition {repetition}",
        *(f"itervar {name} {value}" for name, value in itervars.items()),
        "scalar Net x 1",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def asked(number: int, itervars: Mapping[str, str], **more: object) -> RunOutcome:
    outcome = {"number": number, "state": "completed", "reason": "", "command": [], "generation": 6}
    return RunOutcome.from_json({**outcome, "itervars": itervars, **more})


def results(*paths: Path) -> ResultSet:
    return open_results(paths)


def test_results_of_the_runs_that_were_asked_for_need_no_word(tmp_path: Path) -> None:
    path = recorded(tmp_path, 3, N="10", note=r'"\"a\""')

    assert disagreements(results(path), [asked(3, {"note": '"a"', "N": "10"})]) == ()


@pytest.mark.parametrize(
    ("itervars", "repetition", "differs"),
    [
        ({"N": "20"}, "0", "Run 3 recorded $N=20 where the ini says $N=10;"),
        ({"N": "10", "x": "1"}, "0", "Run 3 recorded $x=1 where the ini says no $x;"),
        ({}, "0", "Run 3 recorded no $N where the ini says $N=10;"),
        ({"N": "10"}, "1", "Run 3 recorded $repetition=1 where the ini says $repetition=0;"),
    ],
)
def test_other_iteration_variables_are_told(
    tmp_path: Path, itervars: dict[str, str], repetition: str, differs: str
) -> None:
    path = recorded(tmp_path, 3, repetition, **itervars)
    (sentence,) = disagreements(results(path), [asked(3, {"N": "10"})])

    assert sentence.startswith(differs)


def test_results_of_a_run_that_nobody_asked_for_are_told(tmp_path: Path) -> None:
    (sentence,) = disagreements(results(recorded(tmp_path, 7)), [asked(3, {})])

    assert sentence == "There are results of a run 7, which was not asked for."


def test_a_simulator_that_alone_understands_its_settings_is_believed(tmp_path: Path) -> None:
    path = recorded(tmp_path, 3, N="20")

    assert disagreements(results(path), [asked(3, {}, generation=None)]) == ()


def test_a_run_whose_worker_died_before_it_wrote_an_outcome_was_asked_for_too(
    tmp_path: Path,
) -> None:
    paths = [recorded(tmp_path, number, N="10") for number in (3, 4)]
    outcomes = [asked(3, {"N": "10"}), asked(4, {}, state="failed", generation=None)]

    assert disagreements(results(*paths), outcomes) == ()


def test_results_that_do_not_say_which_run_they_are_of_are_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.sca"
    path.write_text("version 3\nrun x\nitervar N 20\nscalar Net x 1\n")

    assert disagreements(results(path), [asked(3, {"N": "10"})]) == ()


def test_of_many_runs_that_differ_some_are_told_and_the_others_counted(tmp_path: Path) -> None:
    paths = [recorded(tmp_path, number, N="20") for number in range(MOST_TOLD + 2)]
    outcomes = [asked(number, {"N": "10"}) for number in range(len(paths))]
    told = disagreements(results(*paths), outcomes)

    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "… and so did 2 more runs."


def test_the_rules_of_the_ini_outlive_the_way_between_machines() -> None:
    outcome = RunOutcome(number=0, state=RunState.COMPLETED, reason="", generation=5)

    assert RunOutcome.from_json(outcome.to_json()) == outcome
