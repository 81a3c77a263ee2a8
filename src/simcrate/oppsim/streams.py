"""Random numbers: one independent stream per purpose.

Source: numpy's `SeedSequence`, whose spawned children are independent for all practical purposes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Independent random numbers: changing one part of a model leaves the others' as they are."""

    mobility: np.random.Generator
    traffic: np.random.Generator
    protocol: np.random.Generator

    @classmethod
    def of(cls, seed_set: int, repetition: int) -> Self:
        """The streams of a run; equal numbers give equal streams."""
        mobility, traffic, protocol = np.random.SeedSequence((seed_set, repetition)).spawn(3)
        return cls(
            mobility=np.random.default_rng(mobility),
            traffic=np.random.default_rng(traffic),
            protocol=np.random.default_rng(protocol),
        )
