from __future__ import annotations

import math

import numpy as np
import pytest

from simcrate.errors import StatisticsError
from simcrate.statistics.timeaverage import Mode, time_average

TIMES = np.array([0.0, 2.0, 3.0])
VALUES = np.array([1.0, 4.0, 0.0])


def test_held_samples_count_until_the_end_of_the_run() -> None:
    """1 for 2 s, 4 for 1 s, 0 for 7 s."""
    result = time_average(TIMES, VALUES, Mode.HOLD, end_s=10)

    assert result.mean == pytest.approx(0.6)
    assert (result.known_s, result.unknown_s) == (10, 0)


def test_backward_held_samples_say_what_was_before_them() -> None:
    """4 for the first 2 s, 0 for the next; nothing is known after the last sample."""
    result = time_average(TIMES, VALUES, Mode.BACKWARD, end_s=10)

    assert result.mean == pytest.approx(8 / 3)
    assert (result.known_s, result.unknown_s) == (3, 7)


def test_linear_samples_make_trapezoids() -> None:
    result = time_average(TIMES, VALUES, Mode.LINEAR, end_s=10)

    assert result.mean == pytest.approx((5 + 2) / 3)
    assert (result.known_s, result.unknown_s) == (3, 7)


def test_separate_samples_have_a_plain_mean() -> None:
    result = time_average(TIMES, VALUES, Mode.NONE, end_s=10)

    assert result.mean == pytest.approx(5 / 3)
    assert result.known_s == 0


def test_an_average_from_a_start_on_keeps_what_still_held_there() -> None:
    """1 until 2 s, of which 1 s counts, then 4 for 1 s, then 0 for 1 s."""
    assert time_average(TIMES, VALUES, Mode.HOLD, end_s=4, start_s=1).mean == pytest.approx(5 / 3)


def test_a_start_that_cuts_a_trapezoid_takes_the_rest_of_it() -> None:
    """From 1 s (2.5) to 2 s (4): 3.25; from 2 s to 3 s: 2."""
    result = time_average(TIMES, VALUES, Mode.LINEAR, end_s=3, start_s=1)

    assert result.mean == pytest.approx((3.25 + 2) / 2)


@pytest.mark.parametrize("hole", [math.nan, math.inf])
def test_the_time_of_a_missing_value_is_unknown_not_zero(hole: float) -> None:
    result = time_average(TIMES, np.array([1.0, hole, 3.0]), Mode.HOLD, end_s=5)

    assert result.mean == pytest.approx(2)
    assert (result.known_s, result.unknown_s) == (4, 1)


def test_an_empty_vector_has_no_average() -> None:
    assert math.isnan(time_average(np.empty(0), np.empty(0), Mode.HOLD, end_s=5).mean)


def test_a_single_sample_at_the_end_has_no_average() -> None:
    result = time_average(np.array([5.0]), np.array([1.0]), Mode.HOLD, end_s=5)

    assert math.isnan(result.mean)


def test_decreasing_times_are_refused() -> None:
    with pytest.raises(StatisticsError, match=r"sample 3 is at 1\.0 s, before the one at 2\.0 s"):
        time_average(np.array([0.0, 2.0, 1.0]), VALUES, Mode.HOLD, end_s=9)


def test_samples_after_the_end_are_refused() -> None:
    with pytest.raises(StatisticsError, match="after the end of the run"):
        time_average(TIMES, VALUES, Mode.HOLD, end_s=2)


def test_an_unknown_mode_is_taken_as_separate_samples() -> None:
    assert Mode.of(None) is Mode.of("cubic") is Mode.NONE
    assert Mode.of("sample-hold") is Mode.HOLD
