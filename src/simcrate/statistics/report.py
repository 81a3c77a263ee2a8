"""`report.html`: the whole of a simulation's statistics on one page that needs nothing but itself.

The page loads nothing, and its own content security policy forbids it to.  Every text from results or users is escaped.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from simcrate.statistics.reportparts import NARROW_SPACE, comparison_section, number
from simcrate.statistics.rows import Row
from simcrate.statistics.summary import DrawnFigure, RunFact, Summary

MOST_ROWS = 2_000  # of a table on the page; all are in csv/statistics.csv
MOST_RUNS = 500
NUMBER_HEADS = ("Mean", "95 % interval", "n", "Std dev", "Min", "Max", "Missing")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_report(summary: Summary, out_dir: Path) -> Path:
    """Write `report.html` into the output directory, which holds the figures already."""
    path = out_dir / "report.html"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_page(summary, out_dir))
    return path


def _page(summary: Summary, out_dir: Path) -> Iterator[str]:
    title = summary.facts.get("Title") or _default_title(summary.runs)
    css = (files("simcrate.statistics") / "report.css").read_text(encoding="utf-8")
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n"
        f"<nav>{''.join(_contents(summary))}</nav>\n"
    )
    yield from _head(summary)
    yield from _table(summary)
    yield from comparison_section(summary.comparisons)
    yield from _figures(summary.figures, out_dir)
    yield from _runs(summary.runs)
    yield from _reading_guide(summary)
    yield "</body>\n</html>\n"


def _contents(summary: Summary) -> Iterator[str]:
    for name in ("Statistics", "Comparisons", "Figures", "Runs", "Reading"):
        if name != "Comparisons" or summary.comparisons:
            yield f'<a href="#{name.lower()}">{name}</a> '


def _default_title(runs: Sequence[RunFact]) -> str:
    return (
        ", ".join(dict.fromkeys(run.config for run in runs if run.config)) or "Simulation results"
    )


def _head(summary: Summary) -> Iterator[str]:
    facts = {
        "Configuration": ", ".join(dict.fromkeys(run.config for run in summary.runs)),
        "Network": ", ".join(dict.fromkeys(run.network for run in summary.runs)),
        "Runs": _runs_in_words(summary.runs),
        "Simulated time": _span([run.end_s for run in summary.runs]),
        "Recorded": (
            f"{summary.missing.scalars:,} scalars, {summary.missing.vectors:,} vectors, "
            f"{summary.missing.samples:,} samples"
        )
        .replace(",", NARROW_SPACE)
        .replace(f"s{NARROW_SPACE}", "s,"),
        "Missing": _missing_in_words(summary),
        "Names": summary.catalogue,
        **{name: text for name, text in summary.facts.items() if name != "Title"},
    }
    yield '<dl class="facts">\n'
    for name, text in facts.items():
        if text:
            yield f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>\n"
    yield "</dl>\n"
    if summary.warnings:
        yield '<ul class="warnings">\n'
        for warning in summary.warnings:
            yield f"<li>{escape(warning)}</li>\n"
        yield "</ul>\n"


def _runs_in_words(runs: Sequence[RunFact]) -> str:
    incomplete = sum(not run.is_complete for run in runs)
    return f"{len(runs)}, of which {incomplete} incomplete" if incomplete else str(len(runs))


def _span(ends_s: Sequence[float]) -> str:
    if not ends_s:
        return ""
    low, high = number(min(ends_s)), number(max(ends_s))
    return f"{low} s" if low == high else f"{low} s to {high} s"


def _missing_in_words(summary: Summary) -> str:
    missing = summary.missing
    parts = [
        (missing.nan_scalars, "scalars NaN"),
        (missing.inf_scalars, "scalars infinite"),
        (missing.nan_samples, "samples NaN"),
        (missing.inf_samples, "samples infinite"),
        (missing.empty_vectors, "vectors without samples"),
    ]
    return ", ".join(f"{number(count, 9)} {what}" for count, what in parts if count) or "nothing"


def _table(summary: Summary) -> Iterator[str]:
    rows = summary.rows
    yield '<h2 id="statistics">Statistics</h2>\n'
    if not rows:
        yield '<p class="lead">No statistic was recorded.</p>\n'
        return
    with_points = len({row.point for row in rows}) > 1
    heads = ["Statistic", *(["Point"] if with_points else [])]
    yield '<div class="scroll"><table>\n<thead><tr>'
    yield "".join(f"<th>{head}</th>" for head in heads)
    yield "".join(f'<th class="n">{head}</th>' for head in NUMBER_HEADS)
    yield "</tr></thead>\n"
    for members in _sections(rows[:MOST_ROWS]):
        width = len(heads) + len(NUMBER_HEADS)
        yield f'<tbody>\n<tr class="section"><th colspan="{width}">{_heading(members)}</th></tr>\n'
        above = ""
        for row in members:
            yield _row(row, is_new=row.display != above, with_points=with_points)
            above = row.display
        yield "</tbody>\n"
    yield "</table></div>\n"
    if len(rows) > MOST_ROWS:
        yield (
            f'<p class="note">The first {MOST_ROWS} of {len(rows)} rows; '
            "all of them are in csv/statistics.csv.</p>\n"
        )


def _sections(rows: Sequence[Row]) -> Iterable[list[Row]]:
    """Rows by layer and group of modules, in the order in which these first appear."""
    sections: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        sections[row.layer, row.modules].append(row)
    return sections.values()


def _heading(rows: Sequence[Row]) -> str:
    counts = {row.module_count for row in rows}
    number_of_modules = f" × {counts.pop()}" if len(counts) == 1 and counts != {1} else ""
    modules = f'<span class="m">{escape(rows[0].modules)}{number_of_modules}</span>'
    return f"{escape(rows[0].layer)} {modules}" if rows[0].layer else modules


def _row(row: Row, *, is_new: bool, with_points: bool) -> str:
    """A line of the table; the name stands only in the first of several points."""
    estimate = row.estimate
    point = f"<td>{escape(row.point.label)}</td>" if with_points else ""
    has_unit = row.unit and estimate.n
    unit = f' <span class="unit">{escape(row.unit)}</span>' if has_unit else ""
    interval = "–" if math.isnan(estimate.half_width) else f"± {number(estimate.half_width, 3)}"
    missing = f'<span class="missing">{row.missing}</span>' if row.missing else "–"
    return (
        f"<tr{'' if is_new else ' class=more'}><td>{escape(row.display) if is_new else ''}</td>{point}"
        f'<td class="n">{number(estimate.mean)}{unit}</td><td class="n ci">{interval}</td>'
        f'<td class="n">{estimate.n}</td><td class="n">{number(estimate.stddev)}</td>'
        f'<td class="n">{number(row.minimum)}</td><td class="n">{number(row.maximum)}</td>'
        f'<td class="n">{missing}</td></tr>\n'
    )


def _figures(figures: Sequence[DrawnFigure], out_dir: Path) -> Iterator[str]:
    yield '<h2 id="figures">Figures</h2>\n'
    if not figures:
        yield '<p class="lead">Nothing that the table would not say better.</p>\n'
    for drawn in figures:
        svg = next((name for name in drawn.files if name.endswith(".svg")), None)
        if svg is None:
            continue
        title = escape(drawn.figure.title)
        yield f'<figure>\n<img alt="{title}" src="{_data_url(out_dir / svg)}">\n'
        yield f'<figcaption><b>{title}</b><span class="caption">{escape(drawn.figure.caption)} '
        yield f"Numbers: {escape(drawn.files[-1])}</span></figcaption>\n</figure>\n"


def _data_url(svg_path: Path) -> str:
    # Percent-encoded text stays shorter than Base64 and packs much better.
    text = svg_path.read_text(encoding="utf-8")
    for character in '%#"<>\n':
        text = text.replace(character, f"%{ord(character):02X}")
    return "data:image/svg+xml," + text


def _runs(runs: Sequence[RunFact]) -> Iterator[str]:
    names = list(dict.fromkeys(name for run in runs for name in run.itervars))
    yield '<h2 id="runs">Runs</h2>\n<div class="scroll"><table>\n<thead><tr><th>Run</th><th>Configuration</th>'
    yield "".join(f"<th>{escape(name)}</th>" for name in names)
    yield '<th class="n">Repetition</th><th class="n">Simulated</th><th class="n">Warm-up</th>'
    yield "<th>Files</th><th>Run ID</th></tr></thead>\n<tbody>\n"
    for run in runs[:MOST_RUNS]:
        texts = ["–" if run.number is None else str(run.number), run.config]
        texts += [run.itervars.get(name, "–") for name in names]
        numbers = ["–" if run.repetition is None else str(run.repetition), f"{number(run.end_s)} s"]
        numbers.append(f"{number(run.warmup_s)} s" if run.warmup_s else "–")
        yield "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts)
        yield "".join(f'<td class="n">{text}</td>' for text in numbers)
        yield f"<td>{'complete' if run.is_complete else 'incomplete'}</td>"
        yield f'<td class="m">{escape(run.id)}</td></tr>\n'
    yield "</tbody></table></div>\n"
    if len(runs) > MOST_RUNS:
        yield f'<p class="note">The first {MOST_RUNS} of {len(runs)} runs.</p>\n'


def _reading_guide(summary: Summary) -> Iterator[str]:
    yield (
        '<footer id="reading">\n<p><b>How to read this.</b> Each run gives one number: the mean over its modules. '
        "Mean, standard deviation and interval are over runs; n is how many runs had a number. "
        "The interval is Student’s t at 95 %; one run has none. "
        "Min and max are over single modules. Missing values (NaN or infinite) are counted and take no part; "
        "they never count as 0.</p>\n"
        "<p>Averages over time follow what each vector says about the time between its samples "
        "(sample-hold, linear or none) and reach to the end of the run. "
        f"Resampled tables have a row every {escape(number(summary.precision_s))} s of simulated time.</p>\n"
        "</footer>\n"
    )
