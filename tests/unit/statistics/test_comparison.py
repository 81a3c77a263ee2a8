from __future__ import annotations

import math

import numpy as np
import pytest

from simcrate.errors import StatisticsError
from simcrate.statistics.comparison import compare_paired, compare_welch, holm
from simcrate.statistics.student import t_quantile


def test_paired_comparison_gives_the_difference_and_its_interval() -> None:
    """Differences 1, 2, 3: mean 2, standard deviation 1, t(2, 0.975) = 4.302653."""
    result = compare_paired({0: 10.0, 1: 20.0, 2: 30.0}, {0: 11.0, 1: 22.0, 2: 33.0})

    assert (result.method, result.n_a, result.difference, result.effect) == ("paired", 3, 2, 2)
    assert result.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert result.relative == pytest.approx(0.1)
    assert result.p_value == pytest.approx(0.07417990, rel=1e-6)
    assert not result.is_clear


def test_paired_comparison_leaves_incomplete_pairs_out_and_counts_them() -> None:
    result = compare_paired({0: 1.0, 1: 2.0, 2: math.nan, 3: 4.0}, {0: 2.0, 1: 4.0, 2: 3.0, 4: 1.0})

    assert (result.n_a, result.missing) == (2, 3)


def test_paired_comparison_leaves_infinite_values_out_of_both_means() -> None:
    result = compare_paired({0: 1.0, 1: 2.0, 2: math.inf}, {0: 2.0, 1: 4.0, 2: 3.0})

    assert (result.n_a, result.mean_a, result.mean_b) == (2, 1.5, 3.0)


def test_intervals_of_differences_have_the_confidence_that_is_asked_for() -> None:
    a, b = [1.0, 2.0, 4.0], [3.0, 4.0, 9.0]
    paired = compare_paired(dict(enumerate(a)), dict(enumerate(b)), confidence=0.8)
    welch = compare_welch(a, b, confidence=0.8)

    assert paired.half_width == pytest.approx(t_quantile(0.9, 2) * math.sqrt(3) / math.sqrt(3))
    assert welch.half_width == pytest.approx(
        t_quantile(0.9, welch.degrees) * math.sqrt((7 / 3 + 31 / 3) / 3)
    )


def test_paired_comparison_sees_what_common_random_numbers_show() -> None:
    noise = np.random.default_rng(1).normal(0, 10, 8)
    a = dict(enumerate(noise))
    b = {i: x + 1 + 0.01 * i for i, x in a.items()}

    assert compare_paired(a, b).is_clear
    assert not compare_welch(list(a.values()), list(b.values())).is_clear


def test_welch_comparison_of_a_sample_worked_by_hand() -> None:
    """Variances of the means 1/3 and 5/3: error sqrt(2), degrees 4 / (1/18 + 25/27)."""
    result = compare_welch([1.0, 2.0, 3.0], [2.0, 4.0, 6.0, 8.0])

    assert (result.method, result.n_a, result.n_b, result.difference) == ("welch", 3, 4, 3)
    assert result.degrees == pytest.approx(4 / (1 / 18 + 25 / 27))
    assert result.half_width == pytest.approx(t_quantile(0.975, result.degrees) * math.sqrt(2))
    assert result.effect == pytest.approx(3 / math.sqrt((1 + 20 / 3) / 2))


def test_welch_intervals_cover_the_true_difference_with_unequal_spread_and_size() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(1_500):
        result = compare_welch(rng.normal(0, 1, 4), rng.normal(1, 4, 8))
        covered += result.low <= 1 <= result.high

    assert covered / 1_500 == pytest.approx(0.95, abs=0.02)


def test_equal_constants_have_no_effect_and_no_p_value() -> None:
    result = compare_welch([2.0, 2.0], [2.0, 2.0])

    assert (result.difference, result.half_width) == (0, 0)
    assert math.isnan(result.p_value)
    assert math.isnan(result.effect)


def test_comparing_a_single_run_is_refused() -> None:
    with pytest.raises(StatisticsError, match="there are 1 complete pairs"):
        compare_paired({0: 1.0, 1: math.nan}, {0: 2.0, 1: 3.0})
    with pytest.raises(StatisticsError, match="there are 1 values on each side"):
        compare_welch([1.0], [1.0, 2.0])


def test_holm_multiplies_the_smallest_by_the_number_of_tests() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, math.nan, 0.9])[0] == 1.0
    assert math.isnan(holm([0.5, math.nan])[1])
