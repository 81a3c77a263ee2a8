from __future__ import annotations

import math

import numpy as np
import pytest

from simcrate.statistics.quantiles import QuantileSketch, column_quantiles, quantile


def test_quantile_is_of_type_7() -> None:
    """Rank (n - 1) q + 1 = 2.5: half way between the second and the third value."""
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([1.0, 2.0, 4.0], 0.25) == 1.5


def test_quantile_leaves_missing_values_out() -> None:
    assert quantile([math.nan, 1.0, math.inf, 3.0], 0.5) == 2
    assert math.isnan(quantile([math.nan], 0.5))


def test_quantiles_of_columns_equal_those_of_each_column() -> None:
    table = np.random.default_rng(3).normal(size=(17, 40))
    table[np.random.default_rng(4).random(table.shape) < 0.3] = np.nan
    table[:, 7] = np.nan
    table[3, 3] = np.inf

    result = column_quantiles(table, [0.1, 0.5, 1.0])

    expected = [[quantile(column, q) for column in table.T] for q in (0.1, 0.5, 1.0)]
    np.testing.assert_allclose(result, expected)


def test_sketch_is_exact_while_values_fit() -> None:
    values = np.random.default_rng(5).exponential(size=1000)
    sketch = QuantileSketch()
    for part in np.array_split(values, 7):
        sketch.add(part)

    assert sketch.quantile(0.95) == quantile(values, 0.95)


@pytest.mark.parametrize("order", ["random", "rising"])
def test_sketch_stays_within_its_promised_error_beyond(order: str) -> None:
    values = np.random.default_rng(6).lognormal(sigma=2, size=200_000)
    if order == "rising":
        values.sort()
    sketch = QuantileSketch(exact_up_to=10_000)
    for part in np.array_split(values, 50):
        sketch.add(part)

    for q in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0):
        rank = np.mean(values <= sketch.quantile(q))
        assert rank == pytest.approx(q, abs=1e-3)
    assert sketch._means.size <= 1_100


def test_sketch_knows_the_smallest_and_the_largest_of_very_many() -> None:
    sketch = QuantileSketch(exact_up_to=10)
    sketch.add(np.arange(2_000_000.0))

    assert (sketch.quantile(0), sketch.quantile(1)) == (0, 1_999_999)


def test_sketch_without_values_knows_nothing() -> None:
    sketch = QuantileSketch()
    sketch.add(np.array([np.nan, np.inf]))

    assert math.isnan(sketch.quantile(0.5))
