"""Finish in a process of its own.

Results of simulators are hostile.  What crashes their reader ends that process and not the worker with all
its leases; where memory runs out it is the one that the kernel ends; and whatever it used is given back.
Of the worker's environment it gets what it needs to work, and no settings.

That process runs `main`: it takes one job from its standard input and writes progress and the result to its
standard output, as pickles of our own values between our own processes.  It ends when the worker does.
"""

from __future__ import annotations

import logging
import os
import pickle
import selectors
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import IO

from simcrate.bare import bare_environment
from simcrate.errors import CrateError, DiskFullError, SimCrateError
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import PackedSimulation, Progress
from simcrate.pipeline.place import Place
from simcrate.pipeline.watch import Watch
from simcrate.secret import ScrubbingFormatter
from simcrate.worker.joining import JoiningFilter, lines_about
from simcrate.worker.port import WorkKind

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-c", "from simcrate.worker.finishing import main; main()")
STOP_POLL_S = 0.2
OOM_SCORE = "1000"  # the first to go when memory runs out; see proc(5), oom_score_adj
SHOW_S = 0.1  # progress is sent at most this often
ORPHANED = 3  # exit code of a process whose worker is gone


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error, after which nothing comes."""

    kind: type[SimCrateError]
    message: str
    detail: str


def finish_apart(job: Finish, place: Place, watch: Watch) -> PackedSimulation:
    """Run `simcrate.pipeline.runner.finish` in a process of its own.

    If that process crashes, it is done once more without what crashes: statistics.

    Raises:
        StatisticsFullError: there is no space for what statistics make; everything is kept.
        DiskFullError: there is no space for a crate; everything is kept.
        CrateError: no crate could be written; everything is kept.
        WorkEndedError: the worker ends, or the lease is lost.
    """
    try:
        return _finish(job, place, watch)
    except _CrashedError as error:
        log.exception("finish.crashed")
        if job.is_careful:
            raise CrateError(str(error), detail=error.detail) from error
    try:
        return _finish(replace(job, is_careful=True), place, watch)
    except _CrashedError as error:
        raise CrateError(str(error), detail=error.detail) from error


class _CrashedError(SimCrateError):
    """The process ended by what nobody foresaw."""


def _finish(job: Finish, place: Place, watch: Watch) -> PackedSimulation:
    with subprocess.Popen(
        COMMAND,
        env=bare_environment(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it crashed at once; its end says so
                process.stdin.write(pickle.dumps((job, place)))
                process.stdin.flush()
            return _follow(process.stdout, watch)
        except EOFError as error:
            message = f"the process that packs ended with exit code {process.wait()}"
            raise _CrashedError(message) from error
        finally:
            process.kill()
            with suppress(BrokenPipeError):
                process.stdin.close()


def _follow(messages: IO[bytes], watch: Watch) -> PackedSimulation:
    """Show what comes until the result is there."""
    with selectors.DefaultSelector() as selector:
        selector.register(messages, selectors.EVENT_READ)
        while True:
            watch.raise_if_stopped()
            if not selector.select(STOP_POLL_S):
                continue
            message = pickle.load(messages)  # noqa: S301 - written by the process that we started
            match message:
                case Progress():
                    watch.show(message)
                case PackedSimulation():
                    return message
                case _Failed():
                    raise message.kind(message.message, detail=message.detail)


class _SendingWatch(Watch):
    """Sends what is shown, now and then."""

    def __init__(self, messages: IO[bytes]) -> None:
        super().__init__()
        self._messages = messages
        self._sent_at = -SHOW_S
        self._stage = ""

    def show(self, progress: Progress) -> None:
        """Every stage at least once."""
        now = time.monotonic()
        if progress.stage != self._stage or now - self._sent_at >= SHOW_S:
            self._sent_at, self._stage = now, progress.stage
            _send(self._messages, progress)


def _send(messages: IO[bytes], value: object) -> None:
    pickle.dump(value, messages)
    messages.flush()


def _end_with_worker() -> None:
    """The worker holds the other end of our standard input for as long as it lives."""
    sys.stdin.buffer.read()
    os._exit(ORPHANED)


def _expendable() -> None:
    with suppress(OSError):  # a container that grants no /proc keeps the score of all
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


def _do(job: Finish, place: Place, messages: IO[bytes]) -> PackedSimulation | _Failed:
    from simcrate.pipeline.runner import finish  # heavy, and only this process needs it

    try:
        with DiskFullError.told_for("write the crate"):
            return finish(job, place, _SendingWatch(messages))
    except DiskFullError as error:
        return _Failed(type(error), str(error), error.detail)
    except SimCrateError as error:
        return _Failed(CrateError, str(error), error.detail)
    except OSError as error:
        return _Failed(CrateError, f"could not write the crate: {error.strerror}", str(error))
    except Exception as error:  # the edge of the process
        log.exception("finish.failed")
        message = f"the process that packs was ended by {type(error).__name__}"
        return _Failed(_CrashedError, message, str(error))


def main() -> None:
    """Do one job."""
    _expendable()
    handler = logging.StreamHandler()
    handler.addFilter(JoiningFilter())
    handler.setFormatter(ScrubbingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    messages = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may get between the messages
    job, place = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the worker that started us
    Thread(target=_end_with_worker, daemon=True).start()
    simulation_id = job.submission.id
    with lines_about(WorkKind.FINISH, str(simulation_id), simulation_id):
        _send(messages, _do(job, place, messages))
    os._exit(0)  # the thread holds standard input, without which the interpreter cannot shut down
