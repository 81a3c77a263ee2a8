"""Prove a simulator's definition on this machine, step by step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from simcrate.errors import SimCrateError
from simcrate.inifile import read_ini
from simcrate.simulators.cmdenv import HARDENING
from simcrate.simulators.definition import Limits, Simulator, SimulatorKind
from simcrate.simulators.manners import command_of, known_cmdenv_options, reader_of, sandbox_of
from simcrate.simulators.process import Followed, follow
from simcrate.simulators.reader import EndingKind, RunArguments
from simcrate.simulators.removal import remove_tree
from simcrate.simulators.runlist import MOST_CONFIGS, compare_runs
from simcrate.simulators.sandbox import SandboxKind, find_sandbox
from simcrate.simulators.workplace import provide

MOST_COUNTED = 100_000  # result files of a tiny run
TRIAL_LIMITS = Limits(wall_time_s=60, disk_bytes=2**30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step and what was seen."""

    name: str
    ok: bool
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A tiny simulation to run: the files beside an ini, and one of its configs."""

    ini_path: Path
    config: str


def check_simulator(
    simulator: Simulator, sandbox_kind: SandboxKind, trial: Trial | None = None
) -> Iterator[Step]:
    """Program, paths, sandbox, options, runs, a tiny simulation; ends after the first step that fails.

    Args:
        simulator: the definition.
        sandbox_kind: what this machine's workers fence simulators in with.
        trial: what to run; nothing is run without one.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("program", lambda: _program(simulator)),
        ("paths", lambda: _paths(simulator)),
        ("sandbox", lambda: _sandbox(simulator, sandbox_kind)),
    ]
    if simulator.kind is SimulatorKind.OMNETPP:
        checks.append(("options", lambda: _options(simulator, sandbox_kind)))
    if trial is not None and simulator.kind is SimulatorKind.OMNETPP:
        checks.append(("runs", lambda: _runs(simulator, sandbox_kind, trial)))
    if trial is not None:
        checks.append(("run", lambda: _run(simulator, sandbox_kind, trial)))
    for name, check in checks:
        try:
            step = Step(name=name, ok=True, seen=check())
        except (SimCrateError, OSError) as error:
            step = Step(name=name, ok=False, seen=str(error))
        yield step
        if not step.ok:
            return


def _program(simulator: Simulator) -> str:
    found = shutil.which(simulator.command[0])
    if found is None:
        message = f"there is no program {simulator.command[0]!r} that can be run"
        raise SimCrateError(message)
    return found


def _paths(simulator: Simulator) -> str:
    if missing := [str(path) for path in simulator.readable_paths if not path.exists()]:
        message = f"not there: {', '.join(missing)}"
        raise SimCrateError(message)
    return f"{len(simulator.readable_paths)} paths are there"


def _sandbox(simulator: Simulator, kind: SandboxKind) -> str:
    if simulator.is_ours:
        return "not needed: it is our own"
    find_sandbox(kind)
    return kind


def _options(simulator: Simulator, kind: SandboxKind) -> str:
    sandbox = sandbox_of(simulator, kind)
    known = known_cmdenv_options(simulator, sandbox)
    names = ", ".join(sorted(known))
    return f"knows {len(known)} of the {len(HARDENING)} options that neutralise an ini: {names}"


def _runs(simulator: Simulator, kind: SandboxKind, trial: Trial) -> str:
    """The binary and we read the same runs out of every config of the ini."""
    ini = read_ini(trial.ini_path, generation=simulator.generation)
    seen = compare_runs(simulator, sandbox_of(simulator, kind), ini, trial.ini_path.parent)
    if seen.differences:
        raise SimCrateError("; ".join(seen.differences))
    first = "the first " if len(ini.configs) > MOST_CONFIGS else ""
    return f"{seen.run_count} runs of {first}{seen.config_count} configs, as SimCrate reads them"


def _run(simulator: Simulator, kind: SandboxKind, trial: Trial) -> str:
    sandbox = sandbox_of(simulator, kind)
    with _directory() as directory:
        working_dir = directory / "work"
        shutil.copytree(trial.ini_path.parent, working_dir)
        provide(simulator, working_dir)
        sandbox.own(working_dir)
        run = RunArguments(
            ini_name=trial.ini_path.name,
            config=trial.config,
            number=0,
            result_dir=simulator.result_dir,
        )
        reader = reader_of(simulator)
        end = follow(
            Followed(
                command=sandbox.wrap(
                    command_of(simulator, run, sandbox),
                    working_dir=working_dir,
                    readable=simulator.readable_paths,
                    limits=TRIAL_LIMITS,
                ),
                working_dir=working_dir,
                log_path=directory / "log",
                identity_dir=directory,
                environment=simulator.environment,
                limits=TRIAL_LIMITS,
            ),
            on_line=reader.read,
            stop=Event(),
        )
        ending = reader.ending(end.exit_code)
        sandbox.take_back(working_dir)
        left = _count_files(working_dir, simulator.result_dir)
    if ending.kind is EndingKind.ERROR and not end.exceeded:
        raise SimCrateError(end.log_failure or ending.reason)
    if not left:
        message = f"it left no results ({end.exceeded or ending.reason})"
        raise SimCrateError(message)
    count = f"{left} result files" if left < MOST_COUNTED else f"{left} result files or more"
    return f"{count}; {end.exceeded or ending.reason}"


@contextmanager
def _directory() -> Iterator[Path]:
    """One that is removed again, whatever a program has left in it."""
    directory = Path(tempfile.mkdtemp())
    try:
        yield directory
    finally:
        remove_tree(directory)


def _count_files(working_dir: Path, result_dir: str) -> int:
    """Regular files among the results, as far down as paths reach; no link is followed, nor is one on the way."""
    root = os.path.realpath(working_dir / result_dir)
    if root != os.path.join(os.path.realpath(working_dir), result_dir):  # noqa: PTH118 - compared as text
        return 0
    count, pending = 0, [root]
    while pending and count < MOST_COUNTED:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    count += 1
    return min(count, MOST_COUNTED)
