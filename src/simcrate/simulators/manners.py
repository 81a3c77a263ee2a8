"""How a simulator of either kind is started and listened to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event

from simcrate.errors import DiskFullError, SimulationError
from simcrate.simulators import cmdenv, plaincommand
from simcrate.simulators.definition import Limits, Simulator, SimulatorKind
from simcrate.simulators.process import Followed, ProcessEnd, follow
from simcrate.simulators.reader import LINE_LIMIT, Reader, RunArguments
from simcrate.simulators.sandbox import UNFENCED, Sandbox, SandboxKind, find_sandbox

# For one question: a large model library takes its time to load.
ANSWER_LIMITS = Limits(wall_time_s=60, disk_bytes=2**30)
ANSWER_GRACE_S = 2.0


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
    asked = _Asked(
        command=(*simulator.command, "-h", "config"),
        readable=simulator.readable_paths,
        environment=tuple(sorted(simulator.environment.items())),
        changed_ns=changed_ns,
    )
    return _answer(asked, sandbox)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A binary and what it needs to answer."""

    command: tuple[str, ...]
    readable: tuple[Path, ...]
    environment: tuple[tuple[str, str], ...]
    changed_ns: int
    """Of the program: a new one is asked again."""


@cache
def _answer(asked: _Asked, sandbox: Sandbox) -> frozenset[str]:
    options: set[str] = set()
    said = ""

    def on_line(line: str) -> None:
        nonlocal said
        options.update(cmdenv.read_options(line))
        said = line.strip()[:LINE_LIMIT] or said

    name = Path(asked.command[0]).name
    try:
        with DiskFullError.told_for(f"ask {name!r} for its options"):
            end = _ask(asked, sandbox, on_line)
    except OSError as error:
        message = f"could not ask {name!r} for its options: it cannot be started"
        raise SimulationError(message, detail=str(error)) from error
    if end.exceeded:
        message = f"could not ask {name!r} for its options: {end.exceeded}"
        raise SimulationError(message)
    if not options:
        message = (
            f"{name!r} does not behave like OMNeT++'s Cmdenv: "
            f"`-h config` names none of its options (exit code {end.exit_code})"
        )
        raise SimulationError(message, detail=said)
    return frozenset(options)


def _ask(asked: _Asked, sandbox: Sandbox, on_line: Callable[[str], None]) -> ProcessEnd:
    with tempfile.TemporaryDirectory() as directory:
        working_dir = Path(directory) / "work"
        working_dir.mkdir()
        sandbox.own(working_dir)
        return follow(
            Followed(
                command=sandbox.wrap(
                    asked.command, working_dir=working_dir, readable=asked.readable
                ),
                working_dir=working_dir,
                log_path=Path(os.devnull),
                identity_dir=Path(directory),
                environment=dict(asked.environment),
                limits=ANSWER_LIMITS,
                stop_grace_s=ANSWER_GRACE_S,
            ),
            on_line=on_line,
            stop=Event(),
        )
