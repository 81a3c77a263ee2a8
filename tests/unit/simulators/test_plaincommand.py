from __future__ import annotations

import pytest

from simcrate.simulators import (
    UNFENCED,
    EndingKind,
    RunArguments,
    Simulator,
    SimulatorKind,
    command_of,
)
from simcrate.simulators.plaincommand import PlainReader

RUN = RunArguments(ini_name="a {run}.txt", config="C; rm -rf /", number=3, result_dir="results")


def test_placeholders_are_filled_in_once_and_stay_one_argument_each() -> None:
    simulator = Simulator(
        name="one",
        title="The ONE",
        kind=SimulatorKind.COMMAND,
        command=("one.sh", "{run+1}", "{run}:{config}", "{ini}", "--out={results}", "{other}"),
    )

    assert command_of(simulator, RUN, UNFENCED) == (
        "one.sh",
        "4",
        "3:C; rm -rf /",
        "a {run}.txt",
        "--out=results",
        "{other}",
    )


def test_progress_is_what_the_pattern_finds() -> None:
    reader = PlainReader(r"(?P<percent>[\d.]+)% done")
    for line in ("starting", "12.5% done", "7% done", "1.2.3% done"):
        reader.read(line)

    assert reader.percent == 12.5


def test_simulated_time_and_pace_count_too() -> None:
    reader = PlainReader(r"^[\d.]+ (?P<time>\d+): (?P<rate>\S+) 1/s$")
    for line in ("Running simulation 'x'", "60.0 7200: 120.00 1/s", "90.0 7300: NaN 1/s"):
        reader.read(line)

    assert reader.sim_time_s == 7300
    assert reader.sim_s_per_s is None


def test_a_time_that_is_no_finite_number_is_no_progress() -> None:
    reader = PlainReader(r"^(?P<time>\S+) s$")
    for line in ("60 s", "inf s", "nan s", "9e999 s", f"{'9' * 400} s"):
        reader.read(line)

    assert reader.sim_time_s == 60


def test_the_first_line_that_sounds_like_an_error_is_kept() -> None:
    reader = PlainReader("")
    for line in ("0 errors", "Exception in thread main", "fatal: again"):
        reader.read(line)

    assert reader.first_error == "Exception in thread main"


def test_without_a_pattern_there_is_no_progress() -> None:
    reader = PlainReader("")
    reader.read("50% done")

    assert reader.percent == 0


@pytest.mark.parametrize(
    ("exit_code", "kind", "reason"),
    [
        (0, EndingKind.COMPLETE, "The program ended with exit code 0."),
        (3, EndingKind.ERROR, "The program ended with exit code 3 and said last: no such host."),
        (-9, EndingKind.ERROR, "The simulator was killed by SIGKILL."),
    ],
)
def test_an_ending_is_the_exit_code(exit_code: int, kind: EndingKind, reason: str) -> None:
    reader = PlainReader("")
    reader.read("no such host")
    reader.read("")

    assert reader.ending(exit_code).kind is kind
    assert reader.ending(exit_code).reason == reason
