"""The figures of a crate: planned, drawn, their numbers beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from simcrate.statistics.drawingpool import DrawingPool, Job
from simcrate.statistics.figures import FigurePlan
from simcrate.statistics.naming import FileNames
from simcrate.statistics.panels import Figure
from simcrate.statistics.summary import DrawnFigure
from simcrate.statistics.tables import write_figure_data

log = logging.getLogger(__name__)


def write_figures(
    plan: FigurePlan,
    pool: DrawingPool,
    figures_dir: Path,
    *,
    formats: tuple[str, ...],
    limit: int,
    progress: Callable[[float], None],
) -> tuple[tuple[DrawnFigure, ...], list[str]]:
    """Draw the figures of the first statistics that have one, each with a CSV of its numbers.

    A figure that fails does not stop the others.

    Args:
        plan: what there is to draw.
        pool: who draws.
        figures_dir: made if absent.
        formats: `svg`, `png`, `pdf`.
        limit: figures at most.
        progress: called with the share that is done.

    Returns:
        What was drawn, and warnings.
    """
    figures_dir.mkdir(exist_ok=True)
    warnings: list[str] = []
    names = FileNames()
    jobs: list[Job] = []
    for figure in _planned(plan, limit, warnings):
        stem = figures_dir / names.name(figure.statistic)
        write_figure_data(figure, stem.with_name(f"{stem.name}.csv"))
        jobs.append((figure, stem))
    drawn = []
    for (figure, stem), error in zip(jobs, pool.draw(jobs, formats, progress), strict=True):
        if error:
            warnings.append(f"The figure of {figure.statistic} could not be drawn ({error}).")
            continue
        files = tuple(f"{figures_dir.name}/{stem.name}.{kind}" for kind in (*formats, "csv"))
        drawn.append(DrawnFigure(figure=figure, files=files))
    return tuple(drawn), warnings


def _planned(plan: FigurePlan, limit: int, warnings: list[str]) -> Iterator[Figure]:
    count = 0
    for statistic in plan.statistics():
        try:
            figure = plan.figure(statistic)
        except Exception as error:  # documented edge: one figure must not cost the others
            log.warning("figure.failed", extra={"statistic": statistic}, exc_info=True)
            warnings.append(f"The figure of {statistic} could not be made ({error}).")
            continue
        if figure is None:
            continue
        if count == limit:
            warnings.append(
                f"Only the first {limit} statistics have a figure; ask for more if you need them."
            )
            return
        count += 1
        yield figure
