"""Simulated times that are stored as integers: a raw number of units of 10^exponent seconds.

Source: OMNeT++ API reference, class SimTime.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa


def times_of(raw: Sequence[int], exponents: Sequence[int], wanted: pa.DataType) -> pa.Array:
    """Raw times as float64 (the nearest one), exact decimals, or text as a text file has it.

    Args:
        raw: units of 10^exponent s, (n,).
        exponents: from -18 to 0, (n,).
        wanted: the type of the result, (n,).
    """
    pairs = zip(raw, exponents, strict=True)
    if pa.types.is_float64(wanted):
        units_per_s = [10**power for power in range(19)]
        return pa.array([number / units_per_s[-exponent] for number, exponent in pairs], wanted)
    return pa.array([_decimal_text(*pair) for pair in pairs], pa.string()).cast(wanted)


def _decimal_text(number: int, exponent: int) -> str:
    text = format(Decimal(number).scaleb(exponent), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
