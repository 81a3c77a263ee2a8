"""The lines below were printed by OMNeT++ 5.6.3 and 6.1.0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simcrate.simulators import OPPSIM, UNFENCED, EndingKind, RunArguments, command_of
from simcrate.simulators.cmdenv import CmdenvReader, read_options

STATUS = (
    "** Event #1011712   t=32472.887279305777   Elapsed: 1.00077s (0m 01s)"
    "    90% completed  (90% total)"
)


def test_a_status_line_gives_events_time_and_percent() -> None:
    reader = CmdenvReader()
    reader.read(STATUS)

    assert reader.event_count == 1011712
    assert reader.sim_time_s == pytest.approx(32472.887279305777)
    assert reader.percent == 90


def test_a_status_line_without_limits_gives_no_percent() -> None:
    reader = CmdenvReader()
    reader.read("** Event #0   t=0   Elapsed: 1.9e-05s (0m 00s)")

    assert reader.percent == 0


def test_speed_and_messages_are_those_of_the_last_block() -> None:
    reader = CmdenvReader()
    reader.read("     Speed:     ev/sec=0   simsec/sec=0   ev/simsec=0")
    reader.read("     Speed:     ev/sec=1.01096e+06   simsec/sec=32448.6   ev/simsec=31.1556")
    reader.read("     Messages:  created: 295257   present: 11   in FES: 12")

    assert (reader.events_per_s, reader.sim_s_per_s) == (1.01096e6, 32448.6)
    assert reader.messages_present == 11


def test_a_speed_that_is_no_finite_number_is_missing() -> None:
    reader = CmdenvReader()
    reader.read("     Speed:     ev/sec=inf   simsec/sec=-nan   ev/simsec=0")

    assert (reader.events_per_s, reader.sim_s_per_s) == (None, None)


@pytest.mark.parametrize("event", ["9" * 19, "9" * 5000])
def test_a_count_that_no_counter_of_64_bits_can_have_is_no_progress(event: str) -> None:
    reader = CmdenvReader()
    reader.read(STATUS.replace("1011712", event))
    reader.read(f"<!> Error: lied at t=1s, event #{event}")
    reader.read(f"     Messages:  created: {event}   present: {event}   in FES: {event}")

    assert (reader.event_count, reader.messages_present) == (0, None)


@pytest.mark.parametrize("time", ["9e999", "1e", "-", "..", "9" * 400])
def test_a_time_that_is_no_finite_number_is_no_progress(time: str) -> None:
    reader = CmdenvReader()
    reader.read(STATUS.replace("32472.887279305777", time))
    reader.read(f"<!> Simulation time limit reached -- at t={time}, event #7")

    assert reader.sim_time_s == 0


def test_what_was_reached_is_never_shown_to_fall() -> None:
    reader = CmdenvReader()
    reader.read(STATUS)
    reached = reader.event_count, reader.sim_time_s, reader.percent
    reader.read("** Event #1   t=0.5   Elapsed: 1s (0m 01s)  1% completed")

    assert (reader.event_count, reader.sim_time_s, reader.percent) == reached


def test_no_more_than_all_is_done() -> None:
    reader = CmdenvReader()
    reader.read(STATUS.replace("90%", "999%", 1))

    assert reader.percent == 100


def test_what_it_says_of_its_end_is_no_longer_than_a_line_may_be() -> None:
    reader = CmdenvReader()
    reader.read("<!> Error: " + "x" * 1_000_000)

    assert len(reader.ending(1).reason) < 3000


def test_zero_bytes_are_not_kept() -> None:
    reader = CmdenvReader()
    reader.read("a\0b")

    assert reader.tail == "ab"


def test_the_first_error_is_kept() -> None:
    reader = CmdenvReader()
    for line in ("fine", "<!> Error: the cause", "<!> Error: what follows"):
        reader.read(line)

    assert reader.first_error == "<!> Error: the cause"
    assert reader.line_count == 3


def test_the_percentage_is_never_shown_to_fall() -> None:
    reader = CmdenvReader()
    reader.read(STATUS)
    reader.read(STATUS.replace("90%", "10%"))

    assert reader.percent == 90


def test_the_place_of_the_ending_counts_as_progress() -> None:
    reader = CmdenvReader()
    reader.read("<!> Simulation time limit reached -- at t=400000s, event #7994587")

    assert (reader.event_count, reader.sim_time_s) == (7994587, 400000)


def test_an_error_is_not_hidden_by_the_line_that_follows_it() -> None:
    reader = CmdenvReader()
    reader.read("<!> Error: Cannot schedule message to the past")
    reader.read("<!> Simulation stopped")

    assert reader.ending(1).reason == "Cannot schedule message to the past."


def test_the_tail_holds_the_last_lines_and_cuts_long_ones() -> None:
    reader = CmdenvReader()
    for number in range(500):
        reader.read(f"line {number} " + "x" * 5000)

    lines = reader.tail.split("\n")

    assert len(lines) == 200
    assert lines[-1].startswith("line 499")
    assert max(map(len, lines)) == 2000


@pytest.mark.parametrize(
    ("exit_code", "line", "kind"),
    [
        (0, "Simulation time limit reached -- at t=36000s, event #1122127", EndingKind.COMPLETE),
        (0, "No more events, simulation completed -- at t=5s, event #9", EndingKind.COMPLETE),
        (0, "Simulation stopped with endSimulation() -- in module X", EndingKind.COMPLETE),
        (0, "CPU time limit reached -- at t=237411.6s, event #2907136", EndingKind.LIMIT),
        (0, "Realtime limit reached -- at t=7s, event #1", EndingKind.LIMIT),
        (0, "Real-time limit reached -- at t=7s, event #1", EndingKind.LIMIT),
        (1, "Simulation time limit reached -- at t=36000s, event #1122127", EndingKind.ERROR),
        (2, "SIGINT or SIGTERM received, exiting -- at t=4s, event #8", EndingKind.SIGNAL),
        (1, "Error: No such config: X", EndingKind.ERROR),
        (0, "Fingerprint mismatch! calculated: 8cf5-9ba6/tplx, expected: …", EndingKind.ERROR),
        (-9, "", EndingKind.ERROR),
        (-11, "", EndingKind.ERROR),
        (0, "", EndingKind.ERROR),
        (1, "", EndingKind.ERROR),
    ],
)
def test_an_ending_is_classified_by_its_line_and_not_by_exit_0_alone(
    exit_code: int, line: str, kind: EndingKind
) -> None:
    reader = CmdenvReader()
    if line:
        reader.read(f"<!> {line}")

    assert reader.ending(exit_code).kind is kind


def test_an_ending_by_signal_names_the_signal() -> None:
    assert CmdenvReader().ending(-11).reason == "The simulator was killed by SIGSEGV."


def test_the_command_line_neutralises_what_an_ini_could_do() -> None:
    run = RunArguments(ini_name="omnetpp.ini", config="Epidemic", number=3, result_dir="results")
    command = command_of(OPPSIM, run, UNFENCED)

    assert command[: len(OPPSIM.command)] == OPPSIM.command
    assert {"--cmdenv-interactive=false", "--debugger-attach-on-startup=false"} < set(command)
    assert command[command.index("-r") + 1] == "3"


def test_what_a_definition_leaves_to_the_ini_is_not_on_the_command_line() -> None:
    run = RunArguments(ini_name="omnetpp.ini", config="Epidemic", number=3, result_dir="results")
    granting = replace(OPPSIM, allowed_keys=frozenset({"record-eventlog"}))

    assert "--record-eventlog=false" in command_of(OPPSIM, run, UNFENCED)
    assert "--record-eventlog=false" not in command_of(granting, run, UNFENCED)
    assert "--cmdenv-interactive=false" in command_of(granting, run, UNFENCED)


def test_only_options_that_the_binary_knows_are_passed() -> None:
    printed = (
        "  cmdenv-interactive=<bool>, default:false\n  record-eventlog=<bool>\n  sim-time-limit="
    )

    assert read_options(printed) == {"cmdenv-interactive", "record-eventlog"}


def test_a_library_is_seen_as_the_files_that_the_loader_looks_for(tmp_path: Path) -> None:
    for name in ("libINET.so", "libINET_dbg.so", "libOther.so"):
        (tmp_path / name).touch()
    simulator = replace(OPPSIM, command=("sim",), libraries=(tmp_path / "INET",))

    assert {path.name for path in simulator.readable_paths} == {"libINET.so", "libINET_dbg.so"}


def test_a_library_that_is_not_there_is_still_named(tmp_path: Path) -> None:
    simulator = replace(OPPSIM, command=("sim",), libraries=(tmp_path / "INET",))

    assert simulator.readable_paths == (tmp_path / "INET",)
