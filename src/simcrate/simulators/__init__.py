"""Simulators: external programs that are started, followed and stopped, one run at a time.

`cmdenv` knows the command line, the progress lines and the endings of OMNeT++'s Cmdenv, which the
built-in `oppsim` shares; `process` knows processes and nothing of simulations.
"""

from simcrate.simulators.cmdenv import Ending, EndingKind, ProgressReader, command_line
from simcrate.simulators.definition import OPPSIM, Limits, Simulator, SimulatorKind
from simcrate.simulators.process import Followed, ProcessEnd, follow, kill_leftover
from simcrate.simulators.sandbox import UNFENCED, Sandbox, SandboxKind, find_sandbox

__all__ = [
    "OPPSIM",
    "UNFENCED",
    "Ending",
    "EndingKind",
    "Followed",
    "Limits",
    "ProcessEnd",
    "ProgressReader",
    "Sandbox",
    "SandboxKind",
    "Simulator",
    "SimulatorKind",
    "command_line",
    "find_sandbox",
    "follow",
    "kill_leftover",
]
