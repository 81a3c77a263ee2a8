"""Simulated time, and how progress is shown."""

from __future__ import annotations

import re

import pytest

from simcrate.oppsim.arguments import parse_arguments
from simcrate.oppsim.errors import UsageError
from simcrate.oppsim.kernel import Kernel
from simcrate.oppsim.measures import HeldValue
from simcrate.oppsim.status import Moment, StatusDisplay


def test_events_happen_in_the_order_of_time_then_of_scheduling() -> None:
    kernel = Kernel()
    happened: list[str] = []
    for time_s, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        kernel.schedule(time_s, lambda name=name: happened.append(name))  # type: ignore[misc]

    while kernel.advance(10.0):
        pass

    assert happened == ["a", "b", "c"]
    assert (kernel.now_s, kernel.event_count) == (2.0, 3)


def test_a_cancelled_event_does_not_happen_and_does_not_count() -> None:
    kernel = Kernel()
    event = kernel.schedule(1.0, lambda: pytest.fail("it was cancelled"))
    event.cancel()

    assert not kernel.advance(10.0)
    assert (kernel.now_s, kernel.event_count) == (0.0, 0)


def test_time_stops_at_the_limit_and_events_there_do_not_happen() -> None:
    kernel = Kernel()
    kernel.schedule(5.0, lambda: pytest.fail("it is too late"))

    assert not kernel.advance(5.0)
    assert kernel.now_s == 5.0


def test_a_held_value_is_averaged_over_the_time_that_it_held() -> None:
    held = HeldValue(10.0)
    held.change(4.0, 3.0)
    held.change(20.0, 1.0)

    assert held.mean(10.0, 40.0) == pytest.approx((3 * 10 + 1 * 20) / 30)
    assert held.maximum == 3.0


def test_a_held_value_before_the_warm_up_is_no_maximum() -> None:
    held = HeldValue(10.0)
    held.change(4.0, 9.0)
    held.change(5.0, 2.0)

    assert held.mean(10.0, 20.0) == 2.0
    assert held.maximum == 2.0


def moment(done: float | None, events: int = 1000) -> Moment:
    return Moment(
        event_count=events,
        sim_time_s=12.5,
        created_count=3,
        present_count=2,
        scheduled_count=4,
        done=done,
    )


def shown(done: float | None, *, performance: bool = True) -> str:
    parts: list[str] = []
    display = StatusDisplay(parts.append, done_runs=1, total_runs=4, performance=performance)
    display.show(moment(done))
    return "".join(parts)


def test_the_status_counts_the_share_of_the_run_in_the_batch() -> None:
    assert "  60% completed  (40% total)\n" in shown(0.601)


def test_a_limit_that_was_passed_is_one_hundred_percent() -> None:
    assert "  100% completed  (50% total)\n" in shown(1.2)


def test_without_a_limit_there_is_no_percent() -> None:
    assert "%" not in shown(None)


def test_the_status_is_three_lines_or_one() -> None:
    lines = shown(0.5).splitlines()

    assert re.fullmatch(r"\*\* Event #1000   t=12\.5   Elapsed: \S+s \(0m 00s\)  50% .*", lines[0])
    assert lines[1].startswith("     Speed:     ev/sec=")
    assert lines[2] == "     Messages:  created: 3   present: 2   in FES: 4"
    assert re.search(r"total\)   ev/sec=\S+\n$", shown(0.5, performance=False))


def test_values_of_short_options_may_follow_or_be_joined() -> None:
    for words in (["-c", "A", "-r", "1,2"], ["-cA", "-r1,2"]):
        arguments = parse_arguments(words)
        assert (arguments.config, arguments.run_filter) == ("A", "1,2")


def test_the_default_file_is_omnetpp_ini() -> None:
    assert [path.name for path in parse_arguments([]).files] == ["omnetpp.ini"]
    assert [path.name for path in parse_arguments(["a.ini", "-f", "b.ini"]).files] == [
        "a.ini",
        "b.ini",
    ]


def test_options_may_hold_equals_signs_and_wildcards() -> None:
    arguments = parse_arguments(["--**.x=a=b", "--constraint=$a==1"])

    assert arguments.options == {"**.x": "a=b", "constraint": "$a==1"}


def test_what_opp_run_takes_for_models_is_accepted() -> None:
    parse_arguments(["-n", ".:../src", "-l", "lib", "-x", "pkg", "-i", "images", "-m", "-s"])


@pytest.mark.parametrize("word", ["-mm", "--nothing", "--no-such=1"])
def test_what_is_no_option_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError):
        parse_arguments([word])
