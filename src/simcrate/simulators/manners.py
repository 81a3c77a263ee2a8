"""How a simulator of either kind is started and listened to."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

from simcrate.errors import SimulationError
from simcrate.simulators import cmdenv, plaincommand
from simcrate.simulators.definition import Simulator, SimulatorKind
from simcrate.simulators.reader import Reader, RunArguments
from simcrate.simulators.sandbox import UNFENCED, Sandbox, SandboxKind, find_sandbox

PROBE_TIMEOUT_S = 60.0  # a large model library takes its time to load


def command_of(simulator: Simulator, run: RunArguments, sandbox: Sandbox) -> tuple[str, ...]:
    """The argument list that starts one run, not yet in its sandbox.

    Raises:
        SimulationError: the binary does not behave like OMNeT++'s Cmdenv.
    """
    if simulator.kind is SimulatorKind.COMMAND:
        return plaincommand.command_line(simulator, run)
    known_options = frozenset(known_cmdenv_options(simulator, sandbox))
    return cmdenv.command_line(simulator, run, known_options=known_options)


def reader_of(simulator: Simulator) -> Reader:
    """Who understands what it prints."""
    if simulator.kind is SimulatorKind.COMMAND:
        return plaincommand.PlainReader(simulator.progress)
    return cmdenv.CmdenvReader()


def sandbox_of(simulator: Simulator, kind: SandboxKind) -> Sandbox:
    """What this machine starts it in; programs of our own need no fence.

    Raises:
        SimulationError: there is no sandbox here.
    """
    return UNFENCED if simulator.is_ours else find_sandbox(kind)


def known_cmdenv_options(simulator: Simulator, sandbox: Sandbox) -> frozenset[str]:
    """The options of ours that the binary knows; asked once for each binary.

    Raises:
        SimulationError: it cannot be started, or knows none of them.
    """
    program = Path(simulator.command[0])
    changed_ns = program.stat().st_mtime_ns if program.exists() else 0
    return _asked(simulator.command, simulator.readable_paths, sandbox, changed_ns)


@cache
def _asked(
    command: tuple[str, ...],
    readable: tuple[Path, ...],
    sandbox: Sandbox,
    changed_ns: int,  # noqa: ARG001 - a new binary is asked again
) -> frozenset[str]:
    with tempfile.TemporaryDirectory() as directory:
        working_dir = Path(directory)
        sandbox.own(working_dir)
        wrapped = sandbox.wrap(
            (*command, "-h", "config"), working_dir=working_dir, readable=readable
        )
        try:
            done = subprocess.run(
                wrapped,
                cwd=working_dir,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PROBE_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            message = f"could not ask {Path(command[0]).name!r} for its options: it does not answer"
            raise SimulationError(message, detail=str(error)) from error
    options = cmdenv.read_options(done.stdout + done.stderr)
    if not options:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        message = (
            f"{Path(command[0]).name!r} does not behave like OMNeT++'s Cmdenv: "
            f"`-h config` names none of its options (exit code {done.returncode})"
        )
        raise SimulationError(message, detail=" ".join(said))
    return options
