"""Start one external program, follow its output, stop it, and leave nothing of it behind.

The program gets its own session, a closed standard input, a scrubbed environment and no core dumps.  Its
output and errors come through one pipe into a log file.  Who it is (pid and start time) is written
beside the log, so that after a `kill -9` of this worker the next one finds and ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO

import psutil

IDENTITY_FILE = "process.json"
POLL_S = 0.2
CLOSED_PIPE_POLL_S = 0.02
STOP_GRACE_S = 60.0  # finish() may write large files
READ_BYTES = 65536
LONGEST_LINE = 1 << 20  # a program that prints without line ends must not fill our memory
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
    """Whether it ended after we had asked it to."""
    wall_time_s: float
    cpu_time_s: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What to start and where its traces go."""

    command: tuple[str, ...]
    working_dir: Path
    log_path: Path
    identity_dir: Path
    stop_grace_s: float = STOP_GRACE_S


def follow(program: Followed, *, on_line: Callable[[str], None], stop: Event) -> ProcessEnd:
    """Run the program to its end, line by line.

    Args:
        program: what to start.
        on_line: called with each line of output, decoded, without its line end.
        stop: when set, the program gets SIGTERM, then time to finish, then its session SIGKILL.

    Raises:
        OSError: it could not be started.
    """
    started = time.monotonic()
    with program.log_path.open("ab") as log, _started(program) as process:
        _write_identity(program.identity_dir, process.pid)
        stopper = _Stopper(process, stop, program.stop_grace_s)
        end = _pump(process, log, on_line, stopper)
        (program.identity_dir / IDENTITY_FILE).unlink(missing_ok=True)
    exit_code, usage = end
    return ProcessEnd(
        exit_code=exit_code,
        was_stopped=stopper.asked,
        wall_time_s=time.monotonic() - started,
        cpu_time_s=usage.ru_utime + usage.ru_stime,
        peak_memory_bytes=usage.ru_maxrss * 1024,
    )


def kill_leftover(identity_dir: Path) -> bool:
    """End what a dead worker left running there; true if there was something.

    The program of a worker that is alive is left alone.
    """
    path = identity_dir / IDENTITY_FILE
    try:
        identity = json.loads(path.read_text())
        is_left_over = not _is_running(identity["parent"])
        program = identity["program"]
    except (OSError, ValueError, KeyError):
        return False
    if not is_left_over:
        return False
    path.unlink(missing_ok=True)
    if not _is_running(program):
        return False
    _kill_session(program["pid"])
    with contextlib.suppress(psutil.Error):
        psutil.Process(program["pid"]).wait(timeout=10)
    return True


@contextlib.contextmanager
def _started(program: Followed) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        program.command,
        cwd=program.working_dir,
        env={**ENVIRONMENT, "HOME": str(program.working_dir)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with contextlib.suppress(ProcessLookupError):  # it may have ended already
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
    try:
        yield process
    finally:
        _kill_session(process.pid)
        assert process.stdout is not None
        process.stdout.close()
        if process.returncode is None:
            process.wait()


def _write_identity(directory: Path, pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        identity = {"program": _identity(pid), "parent": _identity(os.getpid())}
        (directory / IDENTITY_FILE).write_text(json.dumps(identity))


def _identity(pid: int) -> dict[str, float]:
    """The start time tells a process from a stranger that is given the same pid later."""
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def _is_running(identity: dict[str, int]) -> bool:
    try:
        return abs(psutil.Process(identity["pid"]).create_time() - identity["started"]) < 1.0
    except psutil.NoSuchProcess:
        return False


class _Stopper:
    """SIGTERM once asked, SIGKILL to the session when the grace is over."""

    def __init__(self, process: subprocess.Popen[bytes], stop: Event, grace_s: float) -> None:
        self._process = process
        self._stop = stop
        self._grace_s = grace_s
        self._kill_at = 0.0
        self.asked = False

    def act(self) -> None:
        if not self._stop.is_set():
            return
        if not self.asked:
            self.asked = True
            self._kill_at = time.monotonic() + self._grace_s
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
        elif time.monotonic() > self._kill_at:
            _kill_session(self._process.pid)


def _pump(
    process: subprocess.Popen[bytes],
    log: BinaryIO,
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
                with contextlib.suppress(BlockingIOError):
                    while _copy(descriptor, log, lines):
                        pass
                lines.end()
                return process.returncode, usage


def _copy(descriptor: int, log: BinaryIO, lines: _Lines) -> bool:
    """One chunk from the pipe; false when it is closed."""
    chunk = os.read(descriptor, READ_BYTES)
    log.write(chunk)
    log.flush()
    lines.feed(chunk)
    return bool(chunk)


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


def _kill_session(pid: int) -> None:
    """SIGKILL to every process of the session that `pid` leads."""
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == pid:
                process.kill()
