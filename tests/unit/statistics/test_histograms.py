from __future__ import annotations

import numpy as np
import pytest

from simcrate.errors import StatisticsError
from simcrate.statistics.histograms import Histogram, merge_histograms


def histogram(*counts: float, first: float = 0.0, under: float = 0, over: float = 0) -> Histogram:
    edges = first + np.arange(len(counts) + 1, dtype=float)
    return Histogram(edges=edges, counts=np.array(counts), underflow=under, overflow=over)


def test_merging_adds_bins_and_both_flows() -> None:
    merged = merge_histograms([histogram(1, 2, under=1), histogram(3, 0.5, under=2, over=4)])

    assert merged.counts.tolist() == [4, 2.5]
    assert (merged.underflow, merged.overflow, merged.total) == (3, 4, 13.5)


def test_merging_histograms_with_other_edges_is_refused() -> None:
    with pytest.raises(StatisticsError, match="number 2 has other edges"):
        merge_histograms([histogram(1, 2), histogram(1, 2, first=1)])
    with pytest.raises(StatisticsError, match="there are none"):
        merge_histograms([])


def test_density_includes_what_fell_outside_in_its_total() -> None:
    assert histogram(1, 1, over=2).density.tolist() == [0.25, 0.25]
    assert np.isnan(histogram(0, 0).density).all()


def test_edges_must_rise_and_match_the_counts() -> None:
    with pytest.raises(StatisticsError, match="must be finite and rise"):
        Histogram(edges=np.array([0.0, 0.0]), counts=np.array([1.0]))
    with pytest.raises(StatisticsError, match="needs 3 edges"):
        Histogram(edges=np.array([0.0, 1.0]), counts=np.array([1.0, 2.0]))
