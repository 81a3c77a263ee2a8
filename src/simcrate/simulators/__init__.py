"""Simulators: external programs that are started, followed and stopped, one run at a time.

`cmdenv` knows the command line, the progress lines and the endings of OMNeT++'s Cmdenv, which the
built-in `oppsim` shares, `plaincommand` those of any other program; `process` knows processes and nothing
of simulations, `sandbox` how to fence them in.
"""

from simcrate.simulators.definition import OPPSIM, RESULTS, Limits, Simulator, SimulatorKind
from simcrate.simulators.identity import ProcessIdentity
from simcrate.simulators.manners import command_of, known_cmdenv_options, reader_of, sandbox_of
from simcrate.simulators.process import (
    Followed,
    ProcessEnd,
    follow,
    kill_leftover,
    kill_superseded,
)
from simcrate.simulators.reader import Ending, EndingKind, Reader, RunArguments
from simcrate.simulators.runlist import Comparison, compare_runs
from simcrate.simulators.sandbox import UNFENCED, Sandbox, SandboxKind, find_sandbox
from simcrate.simulators.workplace import provide

__all__ = [
    "OPPSIM",
    "RESULTS",
    "UNFENCED",
    "Comparison",
    "Ending",
    "EndingKind",
    "Followed",
    "Limits",
    "ProcessEnd",
    "ProcessIdentity",
    "Reader",
    "RunArguments",
    "Sandbox",
    "SandboxKind",
    "Simulator",
    "SimulatorKind",
    "command_of",
    "compare_runs",
    "find_sandbox",
    "follow",
    "kill_leftover",
    "kill_superseded",
    "known_cmdenv_options",
    "provide",
    "reader_of",
    "sandbox_of",
]
