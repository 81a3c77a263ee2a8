from __future__ import annotations

import math

import numpy as np
import pytest

from simcrate.statistics.estimate import estimate, half_width


def test_estimate_of_a_known_sample() -> None:
    result = estimate([1.0, 2.0, 3.0, 4.0])

    assert (result.n, result.mean, result.minimum, result.maximum) == (4, 2.5, 1, 4)
    assert result.stddev == pytest.approx(math.sqrt(5 / 3))
    assert result.half_width == pytest.approx(3.1824463052837 * math.sqrt(5 / 3) / 2)
    assert result.high - result.low == pytest.approx(2 * result.half_width)


def test_nan_and_infinite_values_are_counted_and_never_become_zero() -> None:
    result = estimate([1.0, math.nan, 3.0, math.inf, -math.inf, math.nan])

    assert (result.n, result.nan_count, result.inf_count, result.mean) == (2, 2, 2, 2)


def test_one_value_has_no_interval() -> None:
    result = estimate([7.0])

    assert (result.n, result.mean) == (1, 7)
    assert math.isnan(result.stddev)
    assert math.isnan(result.half_width)


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_without_values_nothing_is_known(values: list[float]) -> None:
    result = estimate(values)

    assert result.n == 0
    assert all(
        math.isnan(x)
        for x in (result.mean, result.stddev, result.low, result.minimum, result.maximum)
    )


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_intervals_cover_the_true_mean_in_95_percent_of_all_experiments(n: int) -> None:
    """20,000 experiments: three standard errors of the coverage are 0.5 %."""
    experiments = np.random.default_rng(20_25 + n).normal(10.0, 3.0, size=(n, 20_000))

    means = experiments.mean(axis=0)
    half_widths = half_width(1.0, n) * experiments.std(axis=0, ddof=1)

    coverage = np.mean(np.abs(means - 10.0) <= half_widths)
    assert coverage == pytest.approx(0.95, abs=0.005)
