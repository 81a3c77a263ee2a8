"""Student's t distribution: its distribution function and its quantiles.

Knows nothing of samples or intervals; `estimate` and `comparison` use it.  Written here because the one
function we need does not justify a dependency of the size of SciPy.

Source: definition 1 of docs/explanation/numbers.md; NIST Digital Library of Mathematical Functions,
8.17.4, 8.17.22 and 8.17.23 (incomplete beta function as a continued fraction), evaluated by the modified Lentz
algorithm (Press et al., Numerical Recipes, 3rd ed., section 5.2).
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

TINY = 1e-300  # keeps a denominator of the continued fraction away from zero
PRECISION = 1e-15  # the continued fraction ends when a factor is this close to 1
MAX_TERMS = 100_000  # O(sqrt(degrees of freedom)) are needed
NORMAL_FROM = 1e8  # degrees of freedom where t and normal quantiles agree to 8 digits


def t_cdf(t: float, degrees: float) -> float:
    """P(T <= t) for Student's t with `degrees` > 0 degrees of freedom, which need not be whole.

    NaN for a NaN argument.
    """
    if math.isnan(t):
        return math.nan
    if math.isinf(t):
        return 0.0 if t < 0 else 1.0
    if degrees > NORMAL_FROM:
        return NormalDist().cdf(t)
    # The smaller of x and 1 - x is computed directly, so that neither tail loses digits.
    x = degrees / (degrees + t * t)
    y = t * t / (degrees + t * t)
    tail = 0.5 * _incomplete_beta(x, y, degrees / 2, 0.5)
    return tail if t < 0 else 1.0 - tail


@lru_cache(maxsize=1024)
def t_quantile(probability: float, degrees: float) -> float:
    """The t with P(T <= t) = `probability`.

    Args:
        probability: in (0, 1).
        degrees: degrees of freedom, > 0; need not be whole (Welch).

    Raises:
        ValueError: an argument outside its range.
    """
    if not 0.0 < probability < 1.0 or not degrees > 0.0:
        message = f"no t quantile for probability {probability} and {degrees} degrees of freedom"
        raise ValueError(message)
    if degrees > NORMAL_FROM:
        return NormalDist().inv_cdf(probability)
    if probability == 0.5:
        return 0.0
    if probability > 0.5:
        return -t_quantile(1.0 - probability, degrees)
    return -_upper_point(probability, degrees)


def _upper_point(tail: float, degrees: float) -> float:
    """The t >= 0 beyond which `tail` < 1/2 of the probability lies, by bisection.

    Bisection cannot fail on a monotone function; 200 halvings reach the last bit, and the result is cached.
    """
    low, high = 0.0, 1.0
    while t_cdf(-high, degrees) > tail:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if t_cdf(-middle, degrees) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, y: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), where y = 1 - x."""
    if x <= 0.0:
        return 0.0
    if y <= 0.0:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(y)
    )
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _beta_fraction(x, a, b) / a
    return 1.0 - math.exp(log_front) * _beta_fraction(y, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of DLMF 8.17.22 by the modified Lentz algorithm."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        factor = 1.0
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            factor = c * d
            value *= factor
        if abs(factor - 1.0) < PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
