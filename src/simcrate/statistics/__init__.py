"""Numbers, tables and figures from simulation results."""

from __future__ import annotations

from simcrate.statistics.batches import BatchMeans, batch_means
from simcrate.statistics.catalogue import (
    Catalogue,
    Entry,
    Reducer,
    find_catalogue,
    read_catalogue,
    shipped_catalogue,
)
from simcrate.statistics.comparison import Comparison, compare_paired, compare_welch, holm
from simcrate.statistics.estimate import Estimate, estimate
from simcrate.statistics.experiments import mixed_points
from simcrate.statistics.histograms import Histogram, merge_histograms
from simcrate.statistics.pointcomparison import PointComparison, compare_points
from simcrate.statistics.points import Point, point_of, points_of
from simcrate.statistics.quantiles import QuantileSketch, quantile
from simcrate.statistics.repetitions import identical_repetitions
from simcrate.statistics.resampling import check_precision
from simcrate.statistics.rows import Row
from simcrate.statistics.summarise import summarise
from simcrate.statistics.summary import Missing, RunFact, Summary
from simcrate.statistics.timeaverage import Mode, TimeAverage, time_average
from simcrate.statistics.warmup import Truncation, configured_warmup_s, mser5, remove_warmup
from simcrate.statistics.write import Parts, write_statistics

__all__ = [
    "BatchMeans",
    "Catalogue",
    "Comparison",
    "Entry",
    "Estimate",
    "Histogram",
    "Missing",
    "Mode",
    "Parts",
    "Point",
    "PointComparison",
    "QuantileSketch",
    "Reducer",
    "Row",
    "RunFact",
    "Summary",
    "TimeAverage",
    "Truncation",
    "batch_means",
    "check_precision",
    "compare_paired",
    "compare_points",
    "compare_welch",
    "configured_warmup_s",
    "estimate",
    "find_catalogue",
    "holm",
    "identical_repetitions",
    "merge_histograms",
    "mixed_points",
    "mser5",
    "point_of",
    "points_of",
    "quantile",
    "read_catalogue",
    "remove_warmup",
    "shipped_catalogue",
    "summarise",
    "time_average",
    "write_statistics",
]
