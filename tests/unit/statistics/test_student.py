"""Student's t against the tables of textbooks (for example NIST/SEMATECH e-Handbook, 1.3.6.7.2)."""

from __future__ import annotations

import math

import pytest

from simcrate.statistics.student import t_cdf, t_quantile

TABLE = [
    (0.975, 1, 12.706),
    (0.975, 2, 4.303),
    (0.975, 3, 3.182),
    (0.975, 4, 2.776),
    (0.975, 9, 2.262),
    (0.975, 10, 2.228),
    (0.975, 29, 2.045),
    (0.975, 100, 1.984),
    (0.90, 5, 1.476),
    (0.95, 7, 1.895),
    (0.99, 15, 2.602),
    (0.995, 20, 2.845),
    (0.999, 2, 22.327),
    (0.999, 100, 3.174),
]


@pytest.mark.parametrize(("probability", "degrees", "expected"), TABLE)
def test_quantile_equals_the_tabulated_value(
    probability: float, degrees: int, expected: float
) -> None:
    assert t_quantile(probability, degrees) == pytest.approx(expected, abs=5.1e-4)


@pytest.mark.parametrize("probability", [1e-9, 0.025, 0.3, 0.5, 0.77, 0.999999])
@pytest.mark.parametrize("degrees", [0.5, 1, 2.37, 17, 4_000])
def test_quantile_is_the_inverse_of_the_distribution_function(
    probability: float, degrees: float
) -> None:
    assert t_cdf(t_quantile(probability, degrees), degrees) == pytest.approx(probability, rel=1e-9)


def test_quantile_with_one_degree_is_that_of_cauchy() -> None:
    assert t_quantile(0.9, 1) == pytest.approx(math.tan(math.pi * 0.4), rel=1e-12)


def test_quantile_with_two_degrees_has_its_closed_form() -> None:
    p = 0.975
    expected = (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    assert t_quantile(p, 2) == pytest.approx(expected, rel=1e-12)


def test_quantile_with_many_degrees_approaches_the_normal_one() -> None:
    assert t_quantile(0.975, 1e7) == pytest.approx(1.959963984540054, abs=1e-6)
    assert t_quantile(0.975, 1e12) == pytest.approx(1.959963984540054, rel=1e-12)


@pytest.mark.parametrize(("probability", "degrees"), [(0, 3), (1, 3), (0.5, 0), (math.nan, 3)])
def test_quantile_outside_its_range_is_refused(probability: float, degrees: float) -> None:
    with pytest.raises(ValueError, match="no t quantile"):
        t_quantile(probability, degrees)


def test_distribution_function_knows_its_ends() -> None:
    assert t_cdf(-math.inf, 3) == 0
    assert t_cdf(math.inf, 3) == 1
    assert math.isnan(t_cdf(math.nan, 3))
