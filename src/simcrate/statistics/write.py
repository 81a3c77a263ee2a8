"""The statistics stage: everything that a crate holds besides the results themselves.

    csv/             statistics.csv, scalars.csv, one resampled table per statistic, columns.csv
    figures/         one figure per statistic as SVG and PNG (PDF on request), its numbers as CSV
    parquet/         the result items as tables
    report.html      all of it on one page
    statistics.json  all of it for programs; written last, so that where it is, everything is

All vectors are read once, in file order; memory does not grow with their samples.
"""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.errors import StatisticsError
from simcrate.results import ResultSet
from simcrate.statistics.buckets import Buckets, bucket_count
from simcrate.statistics.catalogue import Catalogue
from simcrate.statistics.figures import FigurePlan
from simcrate.statistics.naming import FileNames
from simcrate.statistics.reductions import Reductions
from simcrate.statistics.repetitions import identical_repetitions
from simcrate.statistics.report import write_report
from simcrate.statistics.resampledtables import ResampledTables
from simcrate.statistics.resampling import check_precision
from simcrate.statistics.runends import run_ends_s
from simcrate.statistics.samples import Consumer, Grouping
from simcrate.statistics.summarise import Tabulated, tabulate
from simcrate.statistics.summary import DrawnFigure, Missing, RunFact, Summary, encoded
from simcrate.statistics.tables import (
    scalars_with_runs,
    write_csv,
    write_figure_data,
    write_parquet,
    write_rows,
)
from simcrate.statistics.vectornumbers import VectorNumbers, modes_of, new_reductions
from simcrate.statistics.warmup import configured_warmup_s

log = logging.getLogger(__name__)

FIGURES_AT_MOST = 100
PASS_SHARE = 0.5  # of the progress: going through the samples
FIGURES_SHARE = 0.4
_WORD_WITH_DIGIT = re.compile(r"\S*\d\S*")


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
        progress: called with the share that is done, 0 to 1.

    Raises:
        BadInputError: the precision makes no table or one of more than a million rows a vector.
        StatisticsError: the samples of a vector are out of order.
        ResultFormatError: a result file turned out to be damaged.
    """
    vectors = results.vectors()
    run_ends = run_ends_s(results, vectors, ends_s)
    check_precision(precision_s, max(run_ends.values(), default=0.0))
    out_dir.mkdir(parents=True, exist_ok=True)
    warnings = [f"{incomplete.file.name}: {incomplete.why}" for incomplete in results.incomplete]

    reductions = new_reductions(results, vectors, run_ends)
    ends = np.array([run_ends[run] for run in vectors["run"].to_pylist()], dtype=float)
    buckets = _new_buckets(vectors, ends) if parts.figures else None
    resampled = ResampledTables(results, vectors, ends, precision_s, out_dir) if parts.csv else None
    consumers: list[Consumer] = [reductions]
    consumers += [buckets] if buckets else []
    consumers += resampled.consumers if resampled else []
    _go_through_samples(results, vectors, consumers, lambda share: progress(share * PASS_SHARE))

    numbers = VectorNumbers(results, vectors, run_ends, reductions)
    tabulated = tabulate(results, catalogue, vector_numbers=numbers)
    warnings += [str(warning) for warning in results.warnings]
    warnings += _warnings(results, vectors, tabulated, catalogue)
    if parts.csv:
        _write_tables(results, tabulated, resampled, out_dir / "csv", warnings)
    if parts.parquet:
        write_parquet(results, out_dir / "parquet")
    figures: list[DrawnFigure] = []
    if parts.figures:
        plan = FigurePlan(results, tabulated, vectors, buckets)
        for drawn, share in _draw(plan, parts, out_dir, warnings):
            figures.append(drawn)
            progress(PASS_SHARE + FIGURES_SHARE * share)
    summary = Summary(
        facts=dict(facts or {}),
        catalogue=catalogue.title if catalogue else "",
        precision_s=precision_s,
        runs=_run_facts(results, run_ends),
        rows=tuple(t.row for t in tabulated),
        figures=tuple(figures),
        missing=_missing(results, reductions),
        warnings=_folded(warnings),
    )
    if parts.report:
        write_report(summary, out_dir)
    _write_atomically(encoded(summary.to_full_json()), out_dir / "statistics.json")
    progress(1.0)
    return summary


def _new_buckets(vectors: pa.Table, ends: np.ndarray) -> Buckets:
    return Buckets(modes_of(vectors), ends, buckets=bucket_count(vectors.num_rows))


def _go_through_samples(
    results: ResultSet,
    vectors: pa.Table,
    consumers: list[Consumer],
    progress: Callable[[float], None],
) -> None:
    grouping = Grouping(vectors["vector"].to_numpy())
    total = sum(count or 0 for count in vectors["count"].to_pylist()) or 1
    done = 0
    for batch in results.all_samples():
        samples = grouping.group(batch)
        if samples is not None:
            for consumer in consumers:
                consumer.take(samples)
        done += batch.num_rows
        progress(min(1.0, done / total))


def _warnings(
    results: ResultSet,
    vectors: pa.Table,
    tabulated: list[Tabulated],
    catalogue: Catalogue | None,
) -> Iterator[str]:
    for point, count in identical_repetitions(results, vectors):
        yield (
            f"{count} repetitions of {point.label or 'the same configuration'} recorded exactly the same numbers: "
            "their seeds are probably pinned in the ini file (seed-*-mt), and their interval means nothing."
        )
    if catalogue is None:
        return
    there = {t.row.statistic for t in tabulated}
    absent = [entry.name for entry in catalogue.entries if entry.name not in there]
    if absent:
        shown = ", ".join(absent[:8]) + (", …" if len(absent) > 8 else "")
        yield f"{len(absent)} of {len(catalogue.entries)} statistics of the catalogue were not recorded: {shown}"


def _folded(warnings: Sequence[str]) -> tuple[str, ...]:
    """Warnings that differ only in a name with digits, such as that of a file, are told once and counted."""
    alike: dict[str, list[str]] = defaultdict(list)
    for warning in dict.fromkeys(warnings):
        alike[_WORD_WITH_DIGIT.sub("", warning)].append(warning)
    return tuple(
        group[0] if len(group) == 1 else f"{group[0]} (and {len(group) - 1} more like this)"
        for group in alike.values()
    )


def _write_tables(
    results: ResultSet,
    tabulated: list[Tabulated],
    resampled: ResampledTables | None,
    csv_dir: Path,
    warnings: list[str],
) -> None:
    csv_dir.mkdir(exist_ok=True)
    write_rows((t.row for t in tabulated), csv_dir / "statistics.csv")
    write_csv(scalars_with_runs(results), csv_dir / "scalars.csv")
    if resampled is not None:
        warnings += resampled.write(csv_dir)


def _draw(
    plan: FigurePlan, parts: Parts, out_dir: Path, warnings: list[str]
) -> Iterator[tuple[DrawnFigure, float]]:
    from simcrate.statistics.drawing import draw_figure

    figures_dir = out_dir / "figures"
    figures_dir.mkdir(exist_ok=True)
    formats = ("svg", "png", "pdf") if parts.pdf else ("svg", "png")
    names = FileNames()
    statistics = plan.statistics()
    drawn = 0
    for i, statistic in enumerate(statistics):
        try:
            figure = plan.figure(statistic)
            if figure is None:
                continue
            if drawn == parts.figure_limit:
                warnings.append(
                    f"Only the first {drawn} statistics have a figure; raise the limit for more."
                )
                return
            stem = figures_dir / names.name(statistic)
            paths = draw_figure(figure, stem, formats=formats)
            data_path = stem.with_name(f"{stem.name}.csv")
            write_figure_data(figure, data_path)
        except Exception as error:
            log.warning("figure.failed", extra={"statistic": statistic}, exc_info=True)
            warnings.append(f"The figure of {statistic} could not be drawn: {error}")
            continue
        drawn += 1
        files = tuple(f"figures/{path.name}" for path in (*paths, data_path))
        yield DrawnFigure(figure=figure, files=files), (i + 1) / len(statistics)


def _run_facts(results: ResultSet, run_ends: Mapping[str, float]) -> tuple[RunFact, ...]:
    cut_off = {incomplete.run for incomplete in results.incomplete}
    return tuple(
        RunFact(
            id=run.id,
            config=run.config_name,
            number=run.number,
            repetition=run.repetition,
            network=run.attributes.get("network", ""),
            itervars=dict(run.itervars),
            end_s=run_ends[run.id],
            warmup_s=_warmup_s(run.config),
            is_complete=run.id not in cut_off,
        )
        for run in results.runs
    )


def _warmup_s(config: tuple[tuple[str, str], ...]) -> float:
    try:
        return configured_warmup_s(config)
    except StatisticsError:
        return 0.0


def _missing(results: ResultSet, reductions: Reductions) -> Missing:
    scalars = results.scalars()["value"].to_numpy(zero_copy_only=False)
    return Missing(
        scalars=int(scalars.size),
        nan_scalars=int(np.isnan(scalars).sum()),
        inf_scalars=int(np.isinf(scalars).sum()),
        vectors=int(reductions.count.size),
        empty_vectors=int((reductions.count == 0).sum()),
        samples=int(reductions.count.sum()),
        nan_samples=int(reductions.nan_count.sum()),
        inf_samples=int(reductions.inf_count.sum()),
    )


def _write_atomically(content: bytes, path: Path) -> None:
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
