"""Where a simulator runs: fenced in by bubblewrap, or by rlimits only.

In the sandbox there is no network, no process but its own, a read-only system, and exactly one place to
write: the run's directory, with a private `/tmp` and `/dev/shm` in it.  When this worker is root, the simulator gets
another uid, because root ignores process limits and because processes of one uid can read each other's
environment.

Source: bwrap(1), prlimit(1).
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Event

from simcrate.errors import DiskFullError, SimulationError
from simcrate.simulators.definition import Limits
from simcrate.simulators.meter import RUNAWAY
from simcrate.simulators.process import Followed, follow

MOST_PROCESSES = 512  # of the simulator's uid: a fork bomb ends here
LARGEST_FILE_BYTES = 1 << 40
UNPRIVILEGED = "nobody"
UNLIMITED = Limits()
PROBE_LIMITS = Limits(wall_time_s=20)
INSIDE_DIR = Path("/simulation")
"""Where the working directory is, seen from inside."""
TMP, SHM = ".tmp", ".shm"
"""What `/tmp` and `/dev/shm` are inside: on the disk, so that they count as what they take."""

_SYSTEM_DIRS = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
)


class SandboxKind(StrEnum):
    """How much a worker fences simulators in."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"
    """Allow-list, hardened command line and rlimits only: a weaker promise, said loudly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """How to start programs fenced in."""

    kind: SandboxKind
    uid: int | None
    """Whom to run as; None: as this worker."""

    def wrap(
        self,
        command: Sequence[str],
        *,
        working_dir: Path,
        readable: Sequence[Path],
        limits: Limits = UNLIMITED,
    ) -> tuple[str, ...]:
        """The command that runs `command` in the sandbox.

        Args:
            command: program and arguments.
            working_dir: the one place to write; inside it is `INSIDE_DIR`, so that no path of this
                machine gets into results.  Made for this start: no other program has written there.
                Gets the directories for temporary files.
            readable: what else the program may see, read-only, under its own path.
            limits: no file can grow to much more than their disk, and no process to much more than their
                memory, however fast it is.

        Raises:
            OSError: the directories for temporary files cannot be made.
        """
        if self.kind is SandboxKind.NONE:
            return (*_limited(limits), *self._as_user(), *command)
        fence = self._bubblewrap(working_dir, readable)
        # changed into by the user who may: bubblewrap itself has no rights there
        inside = ("env", f"--chdir={INSIDE_DIR}")
        return (*_limited(limits), *fence, *self._as_user(), *inside, *command)

    def own(self, directory: Path) -> None:
        """Give a run's working directory to whoever the simulator runs as."""
        if self.uid is None:
            return
        for parent, directories, files in os.walk(directory):
            for name in (".", *directories, *files):
                os.chown(Path(parent, name), self.uid, self.uid, follow_symlinks=False)

    def temporary_dirs(self, working_dir: Path) -> tuple[Path, ...]:
        """Where a program that was started here kept its temporary files; by now they may be anything."""
        if self.kind is SandboxKind.NONE:
            return ()
        return (working_dir / TMP, working_dir / SHM)

    def take_back(self, directory: Path) -> None:
        """Let nothing that outlived the simulator change what it left: without a fence, processes run away.

        From the top down: what is above a directory is ours when it is opened, so that it is no other one.
        """
        if self.uid is None:
            return
        pending = [os.fspath(directory)]
        while pending:
            try:
                pending += _directories_taken_back(pending.pop())
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:  # then nobody reads it by its name either
                    raise

    def _as_user(self) -> tuple[str, ...]:
        if self.uid is None:
            return ("setpriv", "--no-new-privs", "--")
        user = (f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")
        return ("setpriv", *user, "--no-new-privs", "--inh-caps=-all", "--")

    def _bubblewrap(self, working_dir: Path, readable: Sequence[Path]) -> tuple[str, ...]:
        return (
            *("bwrap", "--die-with-parent", "--cap-drop", "ALL"),
            *(_UNSHARED if self.uid is None else _UNSHARED_BY_ROOT),
            *_system(),
            *_parents([INSIDE_DIR / "x"]),
            *("--bind", str(working_dir), str(INSIDE_DIR)),
            *("--setenv", "HOME", str(INSIDE_DIR)),
            *_temporary(working_dir),
            *_parents(readable),
            *(word for path in readable for word in ("--ro-bind", str(path), str(path))),
            *_READ_ONLY,
            "--",
        )


def _directories_taken_back(directory: str) -> list[str]:
    """Those in a directory, once it is ours."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, os.geteuid(), os.getegid())
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    with os.scandir(directory) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


UNFENCED = Sandbox(kind=SandboxKind.NONE, uid=None)
"""For programs of our own."""

_UNSHARED = ("--unshare-all",)
# Root makes the mounts itself, since an unprivileged uid cannot reach our directories, and gives itself up
# inside; for that it needs two capabilities and the user namespace of the machine.
_UNSHARED_BY_ROOT = (
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
)


# What bubblewrap makes by itself lies in memory, where no limit of ours sees it: nothing of it can be written.
_READ_ONLY = ("--remount-ro", "/dev", "--remount-ro", "/")


def _temporary(working_dir: Path) -> tuple[str, ...]:
    """Places for temporary files, and for the semaphores and the memory that processes share."""
    for directory in (working_dir / TMP, working_dir / SHM):
        directory.mkdir()
        directory.chmod(0o1777)
    tmp = str(INSIDE_DIR / TMP).removeprefix("/")
    return ("--symlink", tmp, "/tmp", "--bind", str(working_dir / SHM), "/dev/shm")  # noqa: S108


def _limited(limits: Limits) -> tuple[str, ...]:
    """Walls behind the meter, which looks once a second.

    Memory is `--data` and not `--as`: Java and others reserve far more addresses than they ever use.
    """
    largest_bytes = RUNAWAY * limits.disk_bytes or LARGEST_FILE_BYTES
    memory_bytes = RUNAWAY * limits.memory_bytes
    return (
        *("prlimit", "--core=0", f"--nproc={MOST_PROCESSES}", f"--fsize={largest_bytes}"),
        *((f"--data={memory_bytes}",) if memory_bytes else ()),
        "--",
    )


def _system() -> list[str]:
    """The programs and libraries of the machine, without its configuration and homes."""
    arguments: list[str] = []
    for directory in map(Path, _SYSTEM_DIRS):
        if directory.is_symlink():
            arguments += ["--symlink", str(directory.readlink()), str(directory)]
        elif directory.exists():
            arguments += [*_parents([directory]), "--ro-bind", str(directory), str(directory)]
    return [*arguments, "--proc", "/proc", "--dev", "/dev"]


def _parents(paths: Sequence[Path]) -> list[str]:
    """The directories above mounts: bubblewrap would make them for their owner alone."""
    directories = dict.fromkeys(parent for path in paths for parent in reversed(path.parents))
    shown = (directory for directory in directories if directory not in _MADE)
    return [word for directory in shown for word in ("--perms", "0755", "--dir", str(directory))]


_MADE = {Path("/"), Path("/usr"), Path("/tmp"), Path("/proc"), Path("/dev")}  # noqa: S108 - inside


@cache
def find_sandbox(kind: SandboxKind) -> Sandbox:
    """The sandbox of this machine.

    Raises:
        SimulationError: bubblewrap is missing, or does not work here; says what to do.
        DiskFullError: there is no space to try it.
        OSError: it cannot be tried.
    """
    uid = pwd.getpwnam(UNPRIVILEGED).pw_uid if os.geteuid() == 0 else None
    sandbox = Sandbox(kind=kind, uid=uid)
    if kind is SandboxKind.BUBBLEWRAP:
        _probe(sandbox)
    return sandbox


@contextmanager
def _temporary_dir() -> Iterator[str]:
    try:
        made = tempfile.TemporaryDirectory()
    except FileNotFoundError as error:  # said of places that take no file, as full ones do
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.tempdir) from error
    with made as directory:
        yield directory


def _probe(sandbox: Sandbox) -> None:
    """Start a program in it that does nothing."""
    if shutil.which("bwrap") is None:
        message = "there is no sandbox: install the package bubblewrap"
        raise SimulationError(message)
    said: list[str] = []
    with DiskFullError.told_for("try the sandbox"), _temporary_dir() as directory:
        working_dir = Path(directory) / "work"
        working_dir.mkdir()
        sandbox.own(working_dir)
        end = follow(
            Followed(
                command=sandbox.wrap(("true",), working_dir=working_dir, readable=()),
                working_dir=working_dir,
                log_path=Path(os.devnull),
                identity_dir=Path(directory),
                limits=PROBE_LIMITS,
                stop_grace_s=0,
            ),
            on_line=said.append,
            stop=Event(),
        )
    if end.exit_code:
        message = (
            "there is no sandbox: bubblewrap does not work here; "
            "allow unprivileged user namespaces on this machine"
        )
        raise SimulationError(message, detail=" ".join(said))
