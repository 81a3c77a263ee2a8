"""Simulators: external programs that are started, followed and stopped, one run at a time.

`cmdenv` knows the command line, the progress lines and the endings of OMNeT++'s Cmdenv, which the
built-in `oppsim` shares; `process` knows processes and nothing of simulations.
"""

from simcrate.simulators.cmdenv import Ending, EndingKind, ProgressReader, command_line
from simcrate.simulators.definition import OPPSIM, Simulator
from simcrate.simulators.process import Followed, ProcessEnd, follow, kill_leftover

__all__ = [
    "OPPSIM",
    "Ending",
    "EndingKind",
    "Followed",
    "ProcessEnd",
    "ProgressReader",
    "Simulator",
    "command_line",
    "follow",
    "kill_leftover",
]
