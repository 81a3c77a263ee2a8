"""Start one external program, follow its output, stop it, and leave nothing of it behind.

The program gets its own session, a closed standard input, a scrubbed environment and no core dumps.  Its
output and errors come through one pipe into a log file.  Who it is (see `identity`) is written beside the
log, so that after a `kill -9` of this worker the next one finds and ends it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from threading import Event

from simcrate.errors import DiskFullError
from simcrate.simulators.definition import Limits
from simcrate.simulators.identity import ProcessIdentity
from simcrate.simulators.lastwords import LastWords
from simcrate.simulators.meter import Meter
from simcrate.simulators.processtable import processes_of, read_entry

IDENTITY_FILE = "process.json"
POLL_S = 1.0
CLOSED_PIPE_POLL_S = 0.02
STOP_GRACE_S = 60.0  # finish() may write large files
SHELL_SIGNAL_BASE = 128
KILL_ROUNDS = 20
KILL_PAUSE_S = 0.05
WRAPPERS = {"bwrap", "prlimit", "setpriv"}
READ_BYTES = 65536
LARGEST_PIPE_BYTES = 1 << 20  # that a program without privileges can ask for
LONGEST_LINE = 1 << 20  # a program that prints without line ends must not fill our memory
LOG_ENDS_HERE = b"\n[The log ends here: it has reached the disk limit.]\n"
# What programs need to find their libraries and speak plainly; nothing of ours goes along.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    """How the program ended and what it used."""

    exit_code: int
    """Negative: killed by that signal."""
    was_stopped: bool
    """Whether it ended after it was asked to by request."""
    log_failure: str
    """Why its log could not be written, for which it was stopped, as the system says; empty: it could."""
    exceeded: str
    """The limit that it was stopped at, in a sentence; empty: none."""
    wall_time_s: float
    cpu_time_s: float
    """Of all its processes; in a sandbox as sampled: what it used in its last second may be missing."""
    peak_memory_bytes: int
    """Of all its processes together, as sampled; of a program too short for that, no more than this."""
    peak_disk_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What to start and where its traces go."""

    command: tuple[str, ...]
    working_dir: Path
    log_path: Path
    identity_dir: Path
    """Where it is noted who runs; not writable for the program."""
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    stop_grace_s: float = STOP_GRACE_S


def follow(program: Followed, *, on_line: Callable[[str], None], stop: Event) -> ProcessEnd:
    """Run the program to its end, line by line.

    Args:
        program: what to start.
        on_line: called with each line of output, decoded, without its line end.
        stop: when set, the program gets SIGTERM, then time to finish, then all of it SIGKILL; the same
            when it is over a limit, and when its log cannot be written: its results may fare no better.

    Raises:
        DiskFullError: there is no space to start it.
        OSError: it could not be started.
    """
    started = time.monotonic()
    last_words = LastWords()

    def hear(line: str) -> None:
        last_words.hear(line)
        on_line(line)

    with _opened(program.log_path) as file, _started(program) as process:
        with DiskFullError.told_for("start the simulator"):
            noted = _note_identities(program.identity_dir, process.pid)
        meter = Meter(process.pid, program.working_dir, program.log_path, program.limits)
        log = _Log(file, program.limits.disk_bytes)
        stopper = _Stopper(process.pid, stop, meter, log, program.stop_grace_s)
        exit_code, usage = _pump(process, log, hear, stopper)
        _forget_identities(program.identity_dir, noted)
    meter.measure_rest()
    peaks = meter.peaks
    peaks.memory_bytes = max(peaks.memory_bytes, _known_peak_bytes(usage))
    exceeded = stopper.exceeded
    if exit_code and not stopper.asked:
        exceeded = meter.reason()  # the kernel stopped it before we looked
        if not exceeded and last_words.tell_of_no_memory:
            exceeded = meter.refused_reason()
    return ProcessEnd(
        exit_code=_signal_or_code(exit_code),
        was_stopped=stopper.by_request,
        log_failure=log.failure,
        exceeded=exceeded,
        wall_time_s=time.monotonic() - started,
        cpu_time_s=max(peaks.cpu_time_s, usage.ru_utime + usage.ru_stime),
        peak_memory_bytes=peaks.memory_bytes or usage.ru_maxrss * 1024,
        peak_disk_bytes=peaks.disk_bytes,
    )


def _known_peak_bytes(usage: resource.struct_rusage) -> int:
    """The kernel counts a new process as once as large as we are, who started it; only more says something."""
    ours = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss * 1024 if usage.ru_maxrss > ours.ru_maxrss else 0


def _signal_or_code(exit_code: int) -> int:
    """What wraps a program reports its death by a signal as shells do, as 128 and the signal."""
    number = exit_code - SHELL_SIGNAL_BASE
    return -number if number in signal.valid_signals() else exit_code


def kill_leftover(identity_dir: Path) -> bool:
    """End what a dead worker left running there; true if there was something.

    The program of a worker that is alive is left alone, and so is whatever cannot be identified for sure.
    """
    noted = _read_identities(identity_dir)
    return noted is not None and noted.parent.has_ended() and _kill_noted(identity_dir, noted)


def kill_superseded(identity_dir: Path) -> bool:
    """End what runs there, whoever follows it: the directory is taken over; true if there was something.

    Whoever followed it learns of it as of any other end.  What cannot be identified for sure is left alone.
    """
    noted = _read_identities(identity_dir)
    return noted is not None and noted.program.can_be_seen() and _kill_noted(identity_dir, noted)


@dataclass(frozen=True, slots=True)
class _Noted:
    program: ProcessIdentity
    parent: ProcessIdentity


def _read_identities(directory: Path) -> _Noted | None:
    try:
        identities = json.loads((directory / IDENTITY_FILE).read_text())
        program = ProcessIdentity(**identities["program"])
        return _Noted(program, ProcessIdentity(**identities["parent"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _kill_noted(directory: Path, noted: _Noted) -> bool:
    (directory / IDENTITY_FILE).unlink(missing_ok=True)
    pid = noted.program.pid
    if noted.program.has_ended() and not _has_survivors(pid, directory):
        return False
    _kill_all(pid)
    return True


def _has_survivors(pid: int, directory: Path) -> bool:
    """Whether children of a program that was killed itself still work below the directory.

    They are known by their session: the kernel gives its number to no other process while it lasts.
    """
    leader = read_entry(pid)
    if leader is not None and not leader.is_zombie:
        return False
    return any(_works_below(directory, member.pid) for member in processes_of(pid))


def _works_below(directory: Path, pid: int) -> bool:
    try:
        working_dir = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:  # it has ended, or is somebody else's
        return False
    return working_dir.is_relative_to(directory.resolve())


def _opened(log_path: Path) -> FileIO:
    """Without a buffer: what was once refused must not be written again when the file is closed."""
    with DiskFullError.told_for("start the simulator"):
        return log_path.open("ab", buffering=0)


@contextlib.contextmanager
def _started(program: Followed) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        program.command,
        cwd=program.working_dir,
        env={**ENVIRONMENT, "HOME": str(program.working_dir), **program.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        assert process.stdout is not None
        process.stdout.close()
        if process.returncode is None:
            _kill_all(process.pid)
            process.wait()


def _note_identities(directory: Path, pid: int) -> str:
    program, parent = ProcessIdentity.of(pid), ProcessIdentity.of(os.getpid())
    identities = json.dumps({"program": asdict(program), "parent": asdict(parent)})
    (directory / IDENTITY_FILE).write_text(identities)
    return identities


def _forget_identities(directory: Path, noted: str) -> None:
    """Unless somebody has taken the directory over meanwhile and follows another program there."""
    path = directory / IDENTITY_FILE
    with contextlib.suppress(FileNotFoundError):
        if path.read_text() == noted:
            path.unlink()


class _Stopper:
    """SIGTERM once asked, over a limit or without a log, SIGKILL to all of the program when the grace is over.

    A program that goes on to twice a limit of memory or disk has no grace.
    """

    def __init__(self, pid: int, stop: Event, meter: Meter, log: _Log, grace_s: float) -> None:
        self._pid = pid
        self._stop = stop
        self._meter = meter
        self._log = log
        self._grace_s = grace_s
        self._kill_at = 0.0
        self.asked = False
        self.by_request = False
        self.exceeded = ""

    def act(self) -> None:
        exceeded = self._meter.exceeded()
        if self.asked:
            if self._meter.is_running_away or time.monotonic() > self._kill_at:
                _kill_all(self._pid)
        elif exceeded or self._log.failure or self._stop.is_set():
            self.asked, self.exceeded = True, exceeded
            self.by_request = not (exceeded or self._log.failure)
            self._kill_at = time.monotonic() + self._grace_s
            _signal_programs(self._pid, signal.SIGTERM)


def _pump(
    process: subprocess.Popen[bytes],
    log: _Log,
    on_line: Callable[[str], None],
    stopper: _Stopper,
) -> tuple[int, resource.struct_rusage]:
    """Copy output to the log and the reader until the program has ended.

    The pipe alone does not tell: a program may close it and live on, or die and leave a child that
    holds it open.
    """
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    lines = _Lines(on_line)
    is_open = True
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            stopper.act()
            if is_open and selector.select(POLL_S):
                is_open = _copy(descriptor, log, lines)
            elif not is_open:
                time.sleep(CLOSED_PIPE_POLL_S)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                _kill_all(process.pid)  # its children, too, may be printing
                _copy_rest(descriptor, log, lines)
                lines.end()
                return process.returncode, usage


def _copy(descriptor: int, log: _Log, lines: _Lines) -> bool:
    """One chunk from the pipe; false when it is closed."""
    chunk = os.read(descriptor, READ_BYTES)
    log.write(chunk)
    lines.feed(chunk)
    return bool(chunk)


def _copy_rest(descriptor: int, log: _Log, lines: _Lines) -> None:
    """What is in the pipe: no more than a pipe can hold, should anybody still be printing."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(LARGEST_PIPE_BYTES // READ_BYTES):
            if not _copy(descriptor, log, lines):
                return


class _Log:
    """What the program prints, in a file that grows no further than just over the disk limit.

    Over it by so much that the program is stopped for it; what comes then, until it has ended, is read only.
    The same once the disk does not take it: a log with a gap would tell another story.
    """

    def __init__(self, file: FileIO, limit_bytes: int) -> None:
        self._file = file
        self._room_bytes = limit_bytes or math.inf
        self.failure = ""

    def write(self, chunk: bytes) -> None:
        if self._room_bytes < 0 or self.failure:
            return
        self._room_bytes -= len(chunk)
        rest = chunk if self._room_bytes >= 0 else chunk + LOG_ENDS_HERE
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.failure = error.strerror or str(error)


class _Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *whole, rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._emit(line)
        self._rest = rest[:LONGEST_LINE]

    def end(self) -> None:
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _emit(self, line: bytes) -> None:
        self._on_line(line.rstrip(b"\r").decode(errors="replace"))


def _signal_programs(pid: int, number: signal.Signals) -> None:
    """To the program itself, not to what wraps it: a sandbox that ends takes it along at once."""
    for member in processes_of(pid):
        if member.name not in WRAPPERS:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member.pid, number)


def _kill_all(pid: int) -> None:
    """SIGKILL to every process of the program, until there is none: it may be forking."""
    for _ in range(KILL_ROUNDS):
        members = [member for member in processes_of(pid) if not member.is_zombie]
        if not members:
            return
        for member in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member.pid, signal.SIGKILL)
        time.sleep(KILL_PAUSE_S)
