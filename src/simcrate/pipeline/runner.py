"""The story from the simulators' exit to the crate: the one place where the stages meet.

A failed stage never throws away what earlier stages made: it becomes a sentence in the crate, on the page
and in the mail, and the story goes on with what is there.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

from simcrate.errors import DiskFullError, SimCrateError, StatisticsFullError, WorkEndedError
from simcrate.pipeline import collect, pack, parse, statistics
from simcrate.pipeline.agreement import disagreements
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import PackedSimulation
from simcrate.pipeline.place import Place, giving_way
from simcrate.pipeline.resultdir import bring_home
from simcrate.pipeline.storable import storable
from simcrate.pipeline.watch import Watch
from simcrate.results import ResultSet, content_digest

log = logging.getLogger(__name__)
T = TypeVar("T")


def finish(job: Finish, place: Place, watch: Watch) -> PackedSimulation:
    """Collect, parse, compute and pack: the results of all runs become one crate in the spool.

    Raises:
        StatisticsFullError: there is no space for what statistics make; everything is kept.
        DiskFullError: there is no space for a crate; everything is kept.
        CrateError: no crate could be written; everything is kept.
        WorkEndedError: the worker ends; the next one starts this again.
        OSError: the disk does not do what is asked of it; everything is kept.
    """
    with giving_way(place.fresh(place.made_dir)), DiskFullError.told_for("write the crate"):
        return _finish(job, place, watch)


def _finish(job: Finish, place: Place, watch: Watch) -> PackedSimulation:
    story = _Story(watch)
    for outcome in job.outcomes:
        _bring_home(place, outcome.number, story)
    files = _collect(job, place, story)
    results = _parse(job, files, story)
    digest = summary = None
    if results is not None:
        opened = results
        story.problems += story.tell(parse.STAGE, lambda: disagreements(opened, job.outcomes)) or ()
        digest = story.tell(parse.STAGE, lambda: content_digest(opened))
        summary = story.tell(
            statistics.STAGE,
            lambda: statistics.compute(opened, place.made_dir, job.submission, job.outcomes, watch),
        )
    watch.raise_if_stopped()
    file_name = f"{slug(job.submission.title)}.zip"
    crate = pack.pack(
        pack.PackJob(
            submission=job.submission,
            outcomes=job.outcomes,
            problems=story.problems,
            content_digest=digest or "",
            recorded={file.path.resolve(): file.sha256 for file in files},
        ),
        place,
        place.crate_path(job.delivery_id, file_name),
        watch,
    )
    return PackedSimulation(
        delivery_id=job.delivery_id,
        file_name=file_name,
        size_bytes=crate.size_bytes,
        sha256=crate.sha256,
        summary=storable(summary or {}),
        problems=tuple(storable(story.problems)),
    )


def _bring_home(place: Place, number: int, story: _Story) -> None:
    """The worker of the run may have died before it could; where nobody can, the other runs have a crate."""
    try:
        with DiskFullError.told_for(f"bring the results of run {number} home"):
            bring_home(place, number)
    except OSError as error:
        why = f"the results of run {number} could not be taken from where it left them: {error.strerror}"
        log.warning(
            "stage.failed", extra={"stage": collect.STAGE, "why": why, "detail": str(error)}
        )
        story.fail(collect.STAGE, why)


def _collect(job: Finish, place: Place, story: _Story) -> Sequence[collect.ResultFile]:
    result_dirs = {outcome.number: place.result_dir(outcome.number) for outcome in job.outcomes}
    return story.tell(collect.STAGE, lambda: collect.collect(result_dirs, story.watch)) or ()


def _parse(job: Finish, files: Sequence[collect.ResultFile], story: _Story) -> ResultSet | None:
    if job.is_careful:
        story.problems.append(
            "Statistics were left out: computing them ended the worker, or filled its disk, more than once."
        )
        return None
    if not files:
        return None
    paths = [file.path for file in files]
    return story.tell(parse.STAGE, lambda: parse.parse(paths, story.watch))


def slug(title: str) -> str:
    """A file name that every system takes: lower-case ASCII letters, digits and single hyphens.

    Accents are left away; scripts that have no such letters are not spelled in them.
    """
    plain = unicodedata.normalize("NFKD", title.casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in bare).split()
    return "-".join(words)[:80].strip("-") or "simulation"


class _Story:
    """Tells the stages one by one and keeps a sentence of each that failed."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.problems: list[str] = []

    def tell(self, stage: str, work: Callable[[], T]) -> T | None:
        """The stage's value, or None and a problem more; a full disk is none of the stage's, and raised."""
        self.watch.raise_if_stopped()
        self.watch.show_stage(stage)
        try:
            with DiskFullError.told_for(f"write what the stage '{stage}' makes"):
                return work()
        except DiskFullError as error:
            raise StatisticsFullError(str(error), detail=error.detail) from error
        except WorkEndedError:
            raise
        except SimCrateError as error:
            log.warning("stage.failed", extra={"stage": stage, **error.facts})
            self.fail(stage, str(error))
        except Exception as error:
            # an edge: results of simulators are hostile, and a fault of ours must not cost them
            log.exception("stage.crashed", extra={"stage": stage})
            why = f"an unforeseen {type(error).__name__}; the worker's log has the details"
            self.fail(stage, why)
        return None

    def fail(self, stage: str, why: str) -> None:
        """Keep the sentence that says so."""
        sentence = f"The stage '{stage}' failed: {why.rstrip('.')}."
        if sentence not in self.problems:  # a stage can fail twice for one reason
            self.problems.append(sentence)
