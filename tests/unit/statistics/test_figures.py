"""What figures show, and that drawing them never costs more than the figure that fails."""

from __future__ import annotations

import logging
import math
import re
import time
from pathlib import Path

import numpy as np
import pytest

from simcrate.errors import DiskFullError
from simcrate.statistics import Parts, write_statistics
from simcrate.statistics.curves import Curves
from simcrate.statistics.drawing import draw_figure
from simcrate.statistics.drawingpool import DrawingPool
from simcrate.statistics.figures import FigurePlan
from simcrate.statistics.measuring import measure
from simcrate.statistics.panels import Bars, Ecdf, Figure, Line, Series, Sweep, ecdf
from simcrate.statistics.summarise import tabulate
from tests.unit.statistics.conftest import Study


def figures(study: Study, spill_dir: Path) -> dict[str, Figure]:
    """The figures of a study, planned and not drawn."""
    results = study.results()
    measured = measure(results, None, precision_s=1, spill_dir=spill_dir, progress=_ignore)
    tabulated = tabulate(results, vector_numbers=measured.numbers)
    plan = FigurePlan(results, tabulated, measured.vectors, measured.buckets)
    planned = {statistic: plan.figure(statistic) for statistic in plan.statistics()}
    return {statistic: figure for statistic, figure in planned.items() if figure is not None}


def curve(label: str = "a") -> Figure:
    x = np.arange(20.0)
    line = Line(label=label, x=x, y=np.sin(x), low=np.sin(x) - 1, high=np.sin(x) + 1)
    panel = Series(title="Net.host[*]", y_label="delay in s", lines=(line,))
    return Figure(statistic=label, title="Delay", caption="1 run.", panels=(panel,))


def test_a_vector_statistic_shows_median_and_band_of_each_group_of_modules(
    study: Study, tmp_path: Path
) -> None:
    nodes = [(f"Net.host[{i}]", "q:vector", "none", [(0.1, i), (9.0, i + 10)]) for i in range(11)]
    study.run(vectors=[("Net", "q:vector", "none", [(0.1, 5.0), (9.9, 6.0)]), *nodes])

    (figure,) = figures(study, tmp_path).values()

    network, hosts = figure.panels
    assert isinstance(network, Series)
    assert isinstance(hosts, Series)
    assert (network.title, hosts.title) == ("Net", "Net.host[*] × 11")
    first = np.flatnonzero(np.isfinite(hosts.lines[0].y))[0]
    line = hosts.lines[0]
    assert (line.y[first], line.low[first], line.high[first]) == (5, 1, 9)
    assert (line.minimum[first], line.maximum[first]) == (0, 10)
    assert "band from 10 % to 90 %" in figure.caption


def test_a_study_shows_means_and_intervals_over_its_iteration_variable(
    study: Study, tmp_path: Path
) -> None:
    for rate in ("0.5s", "0.1s"):
        for protocol in ('"A"', '"B"'):
            for repetition in (0, 1):
                quoted = protocol.replace('"', '\\"')
                study.run(
                    repetition=repetition,
                    itervars={"rate": rate, "protocol": f'"{quoted}"'},
                    scalars=[("Net", "x:last", repetition + float(rate[:-1]))],
                )

    (figure,) = figures(study, tmp_path).values()

    (panel,) = figure.panels
    assert isinstance(panel, Sweep)
    assert panel.x_label == "rate"
    assert [line.label for line in panel.lines] == ["protocol=A", "protocol=B"]
    assert panel.lines[0].x.tolist() == [0.1, 0.5]
    np.testing.assert_allclose(panel.lines[0].y, [0.6, 1.0])
    np.testing.assert_allclose(panel.lines[0].high - panel.lines[0].y, 12.7062 * 0.5, rtol=1e-4)


def test_a_statistic_that_no_run_has_a_value_of_has_no_figure(study: Study, tmp_path: Path) -> None:
    for rate in ("0.5s", "0.1s"):
        study.run(itervars={"rate": rate}, scalars=[("Net", "x:mean", math.nan)])

    assert figures(study, tmp_path) == {}


def test_a_variable_without_numbers_stands_in_turn(study: Study, tmp_path: Path) -> None:
    for name in ("fast", "slow"):
        study.run(itervars={"kind": name}, scalars=[("Net", "x:last", 1)])

    (figure,) = figures(study, tmp_path).values()

    (panel,) = figure.panels
    assert isinstance(panel, Sweep)
    assert panel.ticks == ("fast", "slow")


def test_configurations_are_compared_as_if_they_were_a_variable(
    study: Study, tmp_path: Path
) -> None:
    for config in ("Fast", "Slow"):
        for repetition in (0, 1):
            study.run(config=config, repetition=repetition, scalars=[("Net", "x", repetition)])

    (figure,) = figures(study, tmp_path).values()

    (panel,) = figure.panels
    assert isinstance(panel, Sweep)
    assert (panel.x_label, panel.ticks) == ("configuration", ("Fast", "Slow"))


def test_five_modules_have_a_distribution_and_four_do_not(study: Study, tmp_path: Path) -> None:
    study.run(
        scalars=[
            *((f"Net.host[{i}]", "five:last", i) for i in range(5)),
            *((f"Net.host[{i}]", "four:last", i) for i in range(4)),
        ]
    )

    drawn = figures(study, tmp_path)

    assert list(drawn) == ["five"]
    (panel,) = drawn["five"].panels
    assert isinstance(panel, Ecdf)
    assert panel.lines[0].y.tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


HISTOGRAM = (
    "statistic Net d:histogram\nfield count 6\nfield mean 1\nfield stddev 1\nfield min 0\nfield max 5\n"
    "field sum 6\nfield sqrsum 12\nbin\t-inf\t0\nbin\t{0}\t3\nbin\t{1}\t2\nbin\t{2}\t1\n"
)


def test_histograms_with_the_same_bins_are_merged(study: Study, tmp_path: Path) -> None:
    for repetition in (0, 1):
        study.run(repetition=repetition, extra=HISTOGRAM.format(0, 1, 2))

    (figure,) = figures(study, tmp_path).values()

    (panel,) = figure.panels
    assert isinstance(panel, Bars)
    assert panel.title == "Net × 2"
    np.testing.assert_allclose(panel.lines[0].y, [0.5, 1 / 3])


def test_histograms_with_different_bins_become_shares_at_or_below_x(
    study: Study, tmp_path: Path
) -> None:
    study.run(extra=HISTOGRAM.format(0, 1, 2))
    study.run(repetition=1, extra=HISTOGRAM.format(0, 2, 4))

    (figure,) = figures(study, tmp_path).values()

    (panel,) = figure.panels
    assert isinstance(panel, Ecdf)
    np.testing.assert_allclose(panel.lines[0].y, [0, 0.5, 5 / 6])


def settling(seed: int) -> list[tuple[float, float | str]]:
    noise = np.random.default_rng(seed).normal(0, 1, 1_000)
    return [(float(t), float(noise[t]) + max(0.0, 30 - t / 5)) for t in range(1_000)]


def test_a_warmup_is_offered_where_the_ini_sets_none(study: Study, tmp_path: Path) -> None:
    study.run(vectors=[("Net", "q:vector", "none", settling(1))])

    (figure,) = figures(study, tmp_path).values()

    assert re.search(
        r"MSER-5 would leave out the first 1[2-6]\d(\.\d+)? s as warm-up", figure.caption
    )


def test_no_warmup_is_offered_where_the_ini_sets_one(study: Study, tmp_path: Path) -> None:
    vector = ("Net", "q:vector", "none", settling(1))
    study.run(options={"warmup-period": "150s"}, vectors=[vector])

    (figure,) = figures(study, tmp_path).values()

    assert "MSER-5" not in figure.caption


def test_no_warmup_is_offered_where_the_run_never_settles(study: Study, tmp_path: Path) -> None:
    study.run(vectors=[("Net", "q:vector", "none", [(float(t), float(t)) for t in range(1_000)])])

    (figure,) = figures(study, tmp_path).values()

    assert "MSER-5" not in figure.caption


def test_figures_beyond_the_limit_are_left_out_with_a_warning(study: Study, tmp_path: Path) -> None:
    study.run(vectors=[("Net", f"q{i}:vector", "none", [(0.0, 1.0)]) for i in range(4)])
    parts = Parts(csv=False, parquet=False, report=False, figure_limit=2)

    summary = write_statistics(study.results(), tmp_path / "out", precision_s=1, parts=parts)

    assert len(summary.figures) == 2
    assert any("Only the first 2 statistics have a figure" in text for text in summary.warnings)


def test_a_vector_of_missing_samples_only_has_no_figure(study: Study, tmp_path: Path) -> None:
    study.run(vectors=[("Net", "q:vector", "none", [(0.0, "nan"), (1.0, "inf")])])

    assert figures(study, tmp_path) == {}


def test_a_name_with_dollar_signs_is_drawn_as_it_is(tmp_path: Path) -> None:
    (path,) = draw_figure(curve("$x_1$ \\frac"), tmp_path / "f", formats=("svg",))

    assert path.read_text().startswith("<?xml")


def test_every_format_is_drawn_the_same_every_time(tmp_path: Path) -> None:
    first = draw_figure(curve(), tmp_path / "a", formats=("svg", "png", "pdf"))
    second = draw_figure(curve(), tmp_path / "b", formats=("svg", "png", "pdf"))

    assert [path.suffix for path in first] == [".svg", ".png", ".pdf"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_svg_needs_no_font_of_the_reader_and_pdf_brings_its_own(tmp_path: Path) -> None:
    svg, pdf = draw_figure(curve(), tmp_path / "a", formats=("svg", "pdf"))

    assert "<text" not in svg.read_text()
    assert "Date" not in svg.read_text()
    assert b"/FontFile2" in pdf.read_bytes()


def test_a_figure_that_fails_leaves_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [(curve(), tmp_path / "missing" / "a"), (curve(), tmp_path / "b")]

    with caplog.at_level(logging.CRITICAL), DrawingPool(helpers=0) as pool:
        errors = pool.draw(jobs, ("svg",), lambda _: None)

    assert "FileNotFoundError" in errors[0]
    assert errors[1] == ""
    assert (tmp_path / "b.svg").exists()


def test_a_figure_that_there_is_no_space_for_ends_them_all(tmp_path: Path) -> None:
    jobs = [(curve(), tmp_path / "a"), (curve(), tmp_path / "full")]
    (tmp_path / "full.png").symlink_to("/dev/full")

    with pytest.raises(DiskFullError), DrawingPool(helpers=1) as pool:
        pool.draw(jobs, ("png",), _ignore)


def _ignore(_: float) -> None:
    """Nobody follows the progress."""


def test_helpers_draw_what_this_process_would_draw(tmp_path: Path) -> None:
    jobs = [(curve(f"s{i}"), tmp_path / f"s{i}") for i in range(4)]
    jobs.append((curve(), tmp_path / "missing" / "x"))
    told: list[float] = []

    with DrawingPool(helpers=1) as pool:
        errors = pool.draw(jobs, ("svg",), told.append)

    assert errors[:4] == [""] * 4
    assert "FileNotFoundError" in errors[4]
    alone = draw_figure(curve("s1"), tmp_path / "alone", formats=("svg",))
    assert alone[0].read_bytes() == (tmp_path / "s1.svg").read_bytes()
    assert told == sorted(told)


def test_helpers_import_nothing_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("open('imported', 'w').close()")
    monkeypatch.chdir(tmp_path)

    with DrawingPool(helpers=1) as pool:
        assert pool.draw([(curve("a"), Path("a")), (curve("b"), Path("b"))], ("svg",), _ignore) == [
            "",
            "",
        ]

    assert not (tmp_path / "imported").exists()
    assert (tmp_path / "b.svg").exists()


def test_helpers_get_nothing_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMCRATE_REDIS_URL", "redis://:canary@10.0.0.2")

    with DrawingPool(helpers=1) as pool:
        while not (environment := Path(f"/proc/{pool._helpers[0].pid}/environ").read_bytes()):
            time.sleep(0.01)  # its program is being started

    assert b"PATH=" in environment
    assert b"canary" not in environment


def test_a_helper_that_died_is_stood_in_for(tmp_path: Path) -> None:
    jobs = [(curve(f"s{i}"), tmp_path / f"s{i}") for i in range(4)]

    with DrawingPool(helpers=1) as pool:
        pool._helpers[0].kill()
        pool._helpers[0].wait()
        errors = pool.draw(jobs, ("svg",), lambda _: None)

    assert errors == [""] * 4
    assert len(list(tmp_path.glob("*.svg"))) == 4


def test_a_figure_that_cannot_be_made_becomes_a_warning_of_the_report(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.run(vectors=[("Net", f"q{i}:vector", "none", [(0.0, 1.0)]) for i in range(2)])
    band = "simcrate.statistics.curves.Curves._band"
    original = Curves._band

    def failing(self: Curves, label: str, members: list[int]) -> Line:
        if members == [0]:
            raise ValueError("no curve today")
        return original(self, label, members)

    monkeypatch.setattr(band, failing)

    summary = write_statistics(study.results(), tmp_path / "out", precision_s=1)

    assert [drawn.figure.statistic for drawn in summary.figures] == ["q1"]
    warning = "The figure of q0 could not be made (no curve today)."
    assert warning in summary.warnings
    assert warning in (tmp_path / "out" / "report.html").read_text()


def test_the_distribution_function_leaves_missing_values_out() -> None:
    line = ecdf("a", np.array([3.0, np.nan, 1.0, np.inf]))

    assert (line.x.tolist(), line.y.tolist()) == ([1, 3], [0.5, 1])


def test_data_of_a_figure_hold_every_number_that_is_drawn() -> None:
    rows = list(curve().rows())

    assert len(rows) == 20
    kind, panel, line, x, y, low, high, minimum, _ = rows[3]
    assert (kind, panel, line, x) == ("series", "Net.host[*]", "a", 3)
    assert low == pytest.approx(y - 1)
    assert high == pytest.approx(y + 1)
    assert np.isnan(minimum)
