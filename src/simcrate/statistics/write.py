"""The statistics stage: everything that a crate holds besides the results themselves.

    csv/             statistics.csv, scalars.csv, one resampled table per statistic, columns.csv
    figures/         one figure per statistic as SVG and PNG (PDF on request), its numbers as CSV
    parquet/         the result items as tables
    report.html      all of it on one page
    statistics.json  all of it for programs; written last, so that where it is, everything is

All vectors are read once, in file order; memory does not grow with their samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from simcrate.durable import replace_file
from simcrate.results import ResultSet
from simcrate.statistics.catalogue import Catalogue
from simcrate.statistics.drawingpool import DrawingPool
from simcrate.statistics.figurefiles import write_figures
from simcrate.statistics.figures import FigurePlan
from simcrate.statistics.measuring import measure
from simcrate.statistics.notices import (
    folded,
    lost_samples,
    missing,
    run_facts,
    unfinished_runs,
    warnings_about,
)
from simcrate.statistics.pointcomparison import compare_with_first
from simcrate.statistics.report import write_report
from simcrate.statistics.resampling import check_precision
from simcrate.statistics.summarise import tabulate
from simcrate.statistics.summary import DrawnFigure, Summary, encoded
from simcrate.statistics.tables import scalars_with_runs, write_csv, write_parquet, write_rows

FIGURES_AT_MOST = 100
PASS_ENDS, TABLES_END, FIGURES_END = 0.5, 0.6, 0.95  # shares of the progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What to write."""

    csv: bool = True
    figures: bool = True
    parquet: bool = True
    report: bool = True
    pdf: bool = False
    """Each figure as PDF, too."""

    figure_limit: int = FIGURES_AT_MOST
    """Figures at most, in the order of the table of statistics."""


def _no_progress(_: float) -> None:
    """Tell nobody."""


def write_statistics(  # noqa: PLR0913 - the interface of a stage, all but two by name
    results: ResultSet,
    out_dir: Path,
    *,
    precision_s: float,
    catalogue: Catalogue | None = None,
    parts: Parts = Parts(),
    facts: Mapping[str, str] | None = None,
    ends_s: Mapping[str, float] | None = None,
    unfinished: Mapping[str, str] | None = None,
    progress: Callable[[float], None] = _no_progress,
) -> Summary:
    """Compute all statistics of a set of results and write them below a directory.

    What fails for one figure or table does not stop the others; it becomes a warning of the report.

    Args:
        results: what was recorded.
        out_dir: made if absent; files of an earlier attempt are overwritten.
        precision_s: simulated seconds between two rows of the resampled tables, > 0.
        catalogue: names and order of the statistics; everything recorded without one.
        parts: what to write.
        facts: label and text for the head of the report; `Title` becomes its heading.
        ends_s: simulated seconds at which runs ended, by run ID, as far as the simulator said so.
        unfinished: how runs ended that did not complete, by run ID, such as `failed`.
        progress: called with the share that is done, 0 to 1.

    Raises:
        BadInputError: the precision is not a number above 0.  One that makes more than a million rows a vector is for
            `check_precision` to refuse, before anything was simulated; here it costs the resampled tables only.
        ResultFormatError: a result file is damaged; where only samples of vectors are, that is a warning.
    """
    check_precision(precision_s)
    out_dir.mkdir(parents=True, exist_ok=True)
    with DrawingPool(helpers=None if parts.figures else 0) as pool:
        measured = measure(
            results,
            ends_s,
            precision_s=precision_s,
            spill_dir=out_dir,
            progress=_between(progress, 0.0, PASS_ENDS),
        )
        tabulated = tabulate(results, catalogue, vector_numbers=measured.numbers)
        rows = tuple(entry.row for entry in tabulated)
        warnings = [measured.trouble] if measured.trouble else []
        warnings += lost_samples(measured.vectors, measured.reductions)
        warnings += unfinished_runs(unfinished or {})
        warnings += warnings_about(results, measured.vectors, rows, catalogue, ends_s)
        if parts.csv:
            csv_dir = out_dir / "csv"
            csv_dir.mkdir(exist_ok=True)
            write_rows(rows, csv_dir / "statistics.csv")
            write_csv(scalars_with_runs(results), csv_dir / "scalars.csv")
            warnings += measured.resampled.write(csv_dir)
        if parts.parquet:
            write_parquet(results, measured.vectors, out_dir / "parquet")
        progress(TABLES_END)
        figures: tuple[DrawnFigure, ...] = ()
        if parts.figures:
            figures, troubles = write_figures(
                FigurePlan(results, tabulated, measured.vectors, measured.buckets),
                pool,
                out_dir / "figures",
                formats=("svg", "png", "pdf") if parts.pdf else ("svg", "png"),
                limit=parts.figure_limit,
                progress=_between(progress, TABLES_END, FIGURES_END),
            )
            warnings += troubles
    summary = Summary(
        facts=dict(facts or {}),
        catalogue=catalogue.title if catalogue else "",
        precision_s=precision_s,
        runs=run_facts(results, measured.run_ends_s),
        rows=rows,
        figures=figures,
        comparisons=compare_with_first(results, tabulated),
        missing=missing(results, measured.reductions),
        warnings=folded(warnings),
    )
    if parts.report:
        write_report(summary, out_dir)
    replace_file(out_dir / "statistics.json", encoded(summary.to_full_json()))
    progress(1.0)
    return summary


def _between(
    progress: Callable[[float], None], start: float, end: float
) -> Callable[[float], None]:
    """Progress of a part of the work as progress of the whole."""
    return lambda share: progress(start + (end - start) * share)
