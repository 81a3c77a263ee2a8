"""Draw many figures on several cores.

Drawing is most of the work of the statistics stage, and matplotlib holds the interpreter's lock.  Helpers are plain child
processes (`python -m simcrate.statistics.drawingpool`) that get their figures through a pipe: unlike multiprocessing they
do not import the caller's main module again, so that a researcher's script needs no guard.

A helper that dies costs nothing but time: its figures are drawn here.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from simcrate.bare import bare_environment
from simcrate.errors import DiskFullError
from simcrate.statistics.drawing import draw_figure
from simcrate.statistics.panels import Figure

log = logging.getLogger(__name__)

MOST_HELPERS = 3
SECONDS_PER_FIGURE = 30.0  # a hundred times what one takes; after that a helper is given up

Job = tuple[Figure, Path]
"""A figure and where to draw it, without extension."""


class DrawingPool:
    """This process and some helpers; a context manager."""

    def __init__(self, *, helpers: int | None = None) -> None:
        """Start the helpers, which takes them most of a second: make the pool before there is something to draw.

        Args:
            helpers: how many; one less than there are cores when None.
        """
        if helpers is None:
            helpers = min(len(os.sched_getaffinity(0)) - 1, MOST_HELPERS)
        # -P: the working directory may hold a user's files, and none of them is to be imported.
        command = [sys.executable, "-P", "-m", "simcrate.statistics.drawingpool"]
        self._helpers = [
            subprocess.Popen(
                command,
                env=bare_environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            for _ in range(helpers)
        ]

    def __enter__(self) -> DrawingPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the helpers."""
        for helper in self._helpers:
            helper.kill()
            helper.communicate()

    def draw(
        self, jobs: Sequence[Job], formats: tuple[str, ...], progress: Callable[[float], None]
    ) -> list[str]:
        """Draw figures; call it once.

        Args:
            jobs: what to draw.
            formats: `svg`, `png`, `pdf`.
            progress: called with the share that is done.

        Returns:
            For each job why it failed; empty: it did not.

        Raises:
            DiskFullError: there is no space for a figure.
        """
        workers = len(self._helpers) + 1
        errors = [""] * len(jobs)
        for i, helper in enumerate(self._helpers, start=1):
            _give(helper, jobs[i::workers], formats)
        own = range(0, len(jobs), workers)
        for done, i in enumerate(own, start=1):
            errors[i] = _draw_one(jobs[i], formats)
            progress(done / (len(own) + 1))
        for i, helper in enumerate(self._helpers, start=1):
            share = range(i, len(jobs), workers)
            told = _results(helper, len(share))
            for place, j in enumerate(share):
                errors[j] = told[place] if place < len(told) else _draw_one(jobs[j], formats)
        return errors


def _give(helper: subprocess.Popen[bytes], jobs: Sequence[Job], formats: tuple[str, ...]) -> None:
    assert helper.stdin is not None
    try:
        pickle.dump((list(jobs), formats), helper.stdin)
        helper.stdin.flush()
    except OSError as error:  # it died; what it has not drawn is drawn here
        log.warning("drawing_helper.lost", extra={"why": str(error)})


def _results(helper: subprocess.Popen[bytes], count: int) -> list[str]:
    """What a helper says of its figures, as far as it came."""
    try:
        output, _ = helper.communicate(timeout=max(1, count) * SECONDS_PER_FIGURE)
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        log.warning("drawing_helper.lost", extra={"why": str(error)})
        return []
    return [str(json.loads(line)) for line in output.splitlines()]


def _draw_one(job: Job, formats: tuple[str, ...]) -> str:
    figure, stem = job
    try:
        with DiskFullError.told_for("draw a figure"):
            draw_figure(figure, stem, formats=formats)
    except DiskFullError:  # it costs all the others, too: a helper dies of it, and is stood in for
        raise
    except Exception as error:  # documented edge: one figure must not cost the others
        log.warning("figure.failed", extra={"statistic": figure.statistic}, exc_info=True)
        return f"{type(error).__name__}: {error}"
    return ""


def _help() -> None:
    """Be a helper: take figures from standard input, draw them, tell each result on standard output."""
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_svg  # noqa: F401 - imported while there is nothing to do

    try:
        jobs, formats = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent wrote it
    except EOFError:  # the parent had nothing to draw
        return
    for job in jobs:
        sys.stdout.write(json.dumps(_draw_one(job, formats)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _help()
