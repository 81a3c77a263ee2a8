"""What a worker must know to start a simulator."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """One simulator that runs are started with."""

    name: str
    title: str
    command: tuple[str, ...]
    """The program and the arguments that come before those of a run."""


OPPSIM = Simulator(
    name="oppsim",
    title="oppsim, the built-in opportunistic network simulator",
    command=(sys.executable, "-m", "simcrate.oppsim"),
)
