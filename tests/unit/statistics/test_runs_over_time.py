"""Batch means and warm-up: the beginning and the error of one long run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from simcrate.errors import StatisticsError
from simcrate.statistics.batches import autocorrelation, batch_means, cut_lag
from simcrate.statistics.quantity import seconds
from simcrate.statistics.warmup import configured_warmup_s, mser5, remove_warmup


def autoregressive(n: int, *, correlation: float, seed: int) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(size=n)
    values = np.empty(n)
    level = 0.0
    for i in range(n):
        level = correlation * level + noise[i]
        values[i] = level
    return values


def test_batch_means_of_correlated_samples_cover_the_true_mean() -> None:
    covered = 0
    for seed in range(100):
        result = batch_means(5 + autoregressive(5_000, correlation=0.7, seed=seed))
        covered += result.estimate.low <= 5 <= result.estimate.high

    assert 89 <= covered <= 100


def test_batches_are_of_equal_size_and_drop_the_first_samples() -> None:
    values = np.random.default_rng(1).normal(size=1_007)
    result = batch_means(values)

    assert (result.estimate.n, result.batch_size, result.dropped) == (20, 50, 7)
    assert result.estimate.mean == pytest.approx(values[7:].mean())
    assert result.is_independent


def test_batches_of_samples_that_do_not_vary_have_an_interval_without_width() -> None:
    result = batch_means(np.full(200, 7.0))

    assert (result.estimate.mean, result.estimate.half_width) == (7.0, 0.0)


def test_batches_that_still_depend_on_each_other_say_so() -> None:
    drift = np.linspace(0, 3, 4_000)

    result = batch_means(np.random.default_rng(5).normal(0, 5, 4_000) + drift, batches=50)

    assert not result.is_independent


def test_too_few_samples_for_their_correlation_are_refused_with_the_number_needed() -> None:
    with pytest.raises(StatisticsError, match=r"20 batches need \d+ samples, there are 100"):
        batch_means(autoregressive(100, correlation=0.9, seed=1))
    with pytest.raises(StatisticsError, match="there are 0; simulate longer"):
        batch_means(np.empty(0))


def test_batch_means_refuse_missing_samples() -> None:
    with pytest.raises(StatisticsError, match="NaN or infinite"):
        batch_means(np.array([1.0, np.nan] * 50))
    with pytest.raises(StatisticsError, match="5 batches are fewer than 10"):
        batch_means(np.ones(100), batches=5)


def test_correlation_of_a_geometric_series_is_cut_where_it_fades() -> None:
    assert cut_lag(autoregressive(50_000, correlation=0.5, seed=2)) in (4, 5, 6)
    assert math.isnan(autocorrelation(np.ones(10), 1))


def test_mser_cuts_where_the_transient_ends() -> None:
    values = np.random.default_rng(3).normal(10, 1, 2_000)
    values[:300] += np.linspace(20, 0, 300)

    cut = mser5(values)

    assert 200 <= cut.samples <= 400
    assert cut.mean == pytest.approx(10, abs=0.1)


def test_mser_leaves_a_stationary_run_almost_whole() -> None:
    assert mser5(np.random.default_rng(4).normal(size=2_000)).samples < 400


def test_mser_refuses_a_run_that_never_settles() -> None:
    with pytest.raises(StatisticsError, match="never settles"):
        mser5(np.arange(1_000.0))


def test_mser_refuses_short_and_incomplete_runs() -> None:
    with pytest.raises(StatisticsError, match="needs 100 samples, there are 99"):
        mser5(np.ones(99))
    with pytest.raises(StatisticsError, match="NaN or infinite"):
        mser5(np.full(100, np.nan))


def test_the_first_warmup_period_of_the_configuration_counts() -> None:
    config = (("sim-time-limit", "1h"), ("warmup-period", "100s"), ("warmup-period", "5s"))

    assert configured_warmup_s(config) == 100
    assert configured_warmup_s(()) == 0


def test_samples_before_the_warmup_ends_are_removed() -> None:
    times, values = remove_warmup(np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0, 7.0]), 1.0)

    assert (times.tolist(), values.tolist()) == ([1, 2], [6, 7])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100s", 100), ("1.5h", 5400), ("1h 30min", 5400), ("7", 7), ("2d", 172_800), ("3e2 ms", 0.3)],
)
def test_a_time_is_read_with_its_units(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "ten", "5 parsecs", "5s!"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(StatisticsError, match="as a time"):
        seconds(text)
