"""What a worker must know to start a simulator: its definition, and what a run may use."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from simcrate.inifile import Generation

RESULTS = "results"
"""Below a working directory; relative in commands, so that no path of this machine gets into crates."""

_OLD_MAJORS = {"3", "4", "5"}


class SimulatorKind(StrEnum):
    """Whose manners a simulator has."""

    OMNETPP = "omnetpp"
    """A binary with OMNeT++'s Cmdenv, or a program that behaves like one."""
    COMMAND = "command"
    """Any other program: a list of arguments with placeholders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """One simulator that runs are started with."""

    name: str
    title: str
    kind: SimulatorKind
    command: tuple[str, ...]
    """The program and the arguments that come before those of a run; for a `command` all of them, with
    the placeholders `{ini}`, `{config}`, `{run}`, `{run+1}` and `{results}`."""
    version: str = ""
    url: str = ""
    """Where it is described; crates name it as their instrument."""
    ned_path: tuple[Path, ...] = ()
    libraries: tuple[Path, ...] = ()
    """Shared libraries of models, as OMNeT++'s `-l` takes them."""
    readable: tuple[Path, ...] = ()
    """Directories that it may read in the sandbox, besides those above and the system's."""
    working_dir: Path | None = None
    """What a run finds in its own working directory beside the submitted files, as links into this one."""
    result_dir: str = RESULTS
    """Where it leaves its results, below the working directory of a run; only a `command` has its own way."""
    environment: Mapping[str, str] = field(default_factory=dict)
    allowed_keys: frozenset[str] = frozenset()
    """Options that its ini files may set besides the usual ones."""
    progress: str = ""
    """For a `command`: a regular expression with groups `percent`, `time` or `rate`."""
    tags: frozenset[str] = frozenset()
    """What a worker must have to be given its runs."""
    is_ours: bool = False
    """Needs no sandbox: it cannot do more than what an ini of the allow-list says."""

    @property
    def generation(self) -> Generation:
        """Whose rules hold for the lines of its ini files: those of OMNeT++ 5.x, or of 6.x and newer."""
        return 5 if self.version.partition(".")[0] in _OLD_MAJORS else 6

    @property
    def readable_paths(self) -> tuple[Path, ...]:
        """Everything that it must see in the sandbox besides the system's programs and libraries."""
        program = Path(self.command[0])
        own = (program,) if program.is_absolute() and program.exists() else ()
        working = (self.working_dir,) if self.working_dir else ()
        libraries = [file for library in self.libraries for file in _library_files(library)]
        return (*own, *self.ned_path, *libraries, *working, *self.readable)


def _library_files(library: Path) -> tuple[Path, ...]:
    """The files of a library that is named as `-l` takes it, without `lib` and `.so`."""
    if library.exists():
        return (library,)
    return tuple(sorted(library.parent.glob(f"lib{library.name}*.so*"))) or (library,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use; 0 means no limit."""

    memory_bytes: int = 0
    """Of all its processes together."""
    disk_bytes: int = 0
    """Of its directory."""
    wall_time_s: int = 0
    cpu_time_s: int = 0
    """Of all its processes together."""


OPPSIM = Simulator(
    name="oppsim",
    title="oppsim, the built-in opportunistic network simulator",
    kind=SimulatorKind.OMNETPP,
    command=(sys.executable, "-m", "simcrate.oppsim"),
    is_ours=True,
)
