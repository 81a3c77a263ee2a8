"""The pass over all samples: whatever consumes it must not depend on how files cut vectors into blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simcrate.errors import StatisticsError
from simcrate.statistics.buckets import Buckets, bucket_count
from simcrate.statistics.reductions import Reductions
from simcrate.statistics.samples import Grouping, Samples
from simcrate.statistics.timeaverage import Mode, time_average

Vector = tuple[NDArray[np.float64], NDArray[np.float64]]
END_S = 20.0


def batch(*rows: tuple[int, float, float]) -> pa.RecordBatch:
    keys, times, values = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.record_batch(
        [pa.array(keys, pa.int64()), pa.array(times, pa.float64()), pa.array(values, pa.float64())],
        names=["vector", "time_s", "value"],
    )


@st.composite
def vectors(draw: st.DrawFn) -> list[Vector]:
    result = []
    for _ in range(draw(st.integers(1, 4))):
        times = sorted(draw(st.lists(st.integers(0, 40), max_size=12)))
        value = st.one_of(st.integers(-5, 5).map(float), st.just(np.nan), st.just(np.inf))
        values = draw(st.lists(value, min_size=len(times), max_size=len(times)))
        result.append((np.array(times, dtype=float) / 2, np.array(values, dtype=float)))
    return result


def in_blocks(data: list[Vector], cuts: int) -> Iterator[pa.RecordBatch]:
    """The vectors as a file might hold them: small blocks in turn, several in a batch."""
    rows = []
    for turn in range(0, 12, 1 + cuts % 3):
        for key, (times, values) in enumerate(data):
            part = slice(turn, turn + 1 + cuts % 3)
            rows += [(key * 10, t, v) for t, v in zip(times[part], values[part], strict=True)]
    size = 1 + cuts
    for start in range(0, len(rows), size):
        yield batch(*rows[start : start + size])


def run_through(data: list[Vector], cuts: int, *consumers: Reductions | Buckets) -> None:
    grouping = Grouping(np.arange(len(data)) * 10)
    for part in in_blocks(data, cuts):
        samples = grouping.group(part)
        assert samples is not None
        for consumer in consumers:
            consumer.take(samples)


@settings(max_examples=80, deadline=None)
@given(vectors(), st.integers(0, 9), st.sampled_from(Mode), st.sampled_from([None, 3.25]))
def test_means_over_time_equal_those_of_the_whole_vector(
    data: list[Vector], cuts: int, mode: Mode, start_s: float | None
) -> None:
    starts = np.full(len(data), np.nan if start_s is None else start_s)
    reductions = Reductions([mode] * len(data), starts, np.full(len(data), END_S))

    run_through(data, cuts, reductions)

    expected = [time_average(t, v, mode, end_s=END_S, start_s=start_s).mean for t, v in data]
    np.testing.assert_allclose(reductions.means(), expected, rtol=1e-9, atol=1e-9)
    known = np.isfinite(expected)
    low, high = reductions.bounds()
    slack = 1e-9 * (1 + np.abs(reductions.means()[known]))
    assert np.all(low[known] <= reductions.means()[known] + slack)
    assert np.all(reductions.means()[known] <= high[known] + slack)


@settings(max_examples=80, deadline=None)
@given(vectors(), st.integers(0, 9))
def test_counts_and_bounds_equal_those_of_the_whole_vector(data: list[Vector], cuts: int) -> None:
    reductions = Reductions(
        [Mode.NONE] * len(data), np.full(len(data), np.nan), np.full(len(data), END_S)
    )

    run_through(data, cuts, reductions)

    low, high = reductions.bounds()
    for i, (_, values) in enumerate(data):
        finite = values[np.isfinite(values)]
        assert reductions.count[i] == values.size
        assert reductions.nan_count[i] == np.isnan(values).sum()
        assert reductions.inf_count[i] == np.isinf(values).sum()
        bounds = (finite.min(), finite.max()) if finite.size else (np.nan, np.nan)
        np.testing.assert_equal((low[i], high[i]), bounds)
        np.testing.assert_equal(reductions.last[i], values[-1] if values.size else np.nan)


@settings(max_examples=80, deadline=None)
@given(vectors(), st.integers(0, 9))
def test_no_sample_is_outside_the_bounds_of_its_bucket(data: list[Vector], cuts: int) -> None:
    buckets = Buckets([Mode.NONE] * len(data), np.full(len(data), END_S), buckets=7)

    run_through(data, cuts, buckets)

    for i, (times, values) in enumerate(data):
        low, high = buckets.bounds(i)
        places = np.minimum((times / END_S * 7).astype(int), 6)
        finite = np.isfinite(values)
        assert np.all(low[places[finite]] <= values[finite])
        assert np.all(high[places[finite]] >= values[finite])
        assert np.nanmax(high, initial=-np.inf) == values[finite].max(initial=-np.inf)


def test_a_held_value_reaches_to_the_end_of_its_run_and_not_beyond() -> None:
    buckets = Buckets([Mode.HOLD, Mode.HOLD], np.array([10.0, 5.0]), buckets=10)
    grouping = Grouping(np.array([0, 1]))
    samples = grouping.group(batch((0, 1.5, 7.0), (1, 1.5, 7.0)))
    assert samples is not None

    buckets.take(samples)

    np.testing.assert_equal(buckets.typical(0), [np.nan] + [7.0] * 9)
    np.testing.assert_equal(buckets.typical(1), [np.nan] + [7.0] * 5 + [np.nan] * 4)


def test_the_spike_of_one_sample_in_a_million_stays_visible() -> None:
    times = np.linspace(0, 100, 1_000_000)
    values = np.zeros(1_000_000)
    values[654_321] = 9.0
    buckets = Buckets([Mode.NONE], np.array([100.0]), buckets=240)

    buckets.take(Samples(vectors=np.array([0]), starts=np.array([0]), times_s=times, values=values))

    assert np.nanmax(buckets.bounds(0)[1]) == 9
    assert np.nanmax(buckets.typical(0)) < 0.01


def test_vectors_that_nobody_asked_for_are_left_out() -> None:
    grouping = Grouping(np.array([5]))

    samples = grouping.group(batch((4, 0.0, 1.0), (5, 0.0, 2.0), (4, 1.0, 3.0), (5, 1.0, 4.0)))

    assert samples is not None
    assert (samples.vectors.tolist(), samples.values.tolist()) == ([0], [2, 4])
    assert grouping.group(batch((4, 2.0, 1.0))) is None
    assert grouping.group(batch()) is None


@pytest.mark.parametrize("split", [True, False])
def test_decreasing_times_are_refused_within_and_between_batches(*, split: bool) -> None:
    grouping = Grouping(np.array([0]))
    rows = [(0, 2.0, 1.0), (0, 1.0, 1.0)]
    if split:
        grouping.group(batch(rows.pop(0)))

    with pytest.raises(StatisticsError, match="times of a vector decrease"):
        grouping.group(batch(*rows))


@pytest.mark.parametrize("time", [-1.0, np.nan, np.inf])
def test_times_that_no_simulator_has_are_refused(time: float) -> None:
    with pytest.raises(StatisticsError, match="lie before 0 or are no numbers"):
        Grouping(np.array([0])).group(batch((0, time, 1.0)))


def test_many_vectors_get_fewer_buckets_each() -> None:
    assert bucket_count(0) == bucket_count(4_000) == 240
    assert bucket_count(10_000) == 100
    assert bucket_count(10_000_000) == 10
