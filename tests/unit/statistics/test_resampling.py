from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simcrate.errors import BadInputError
from simcrate.statistics import resampling
from simcrate.statistics.resampling import (
    HeldValues,
    Interpolated,
    StepMeans,
    Table,
    check_precision,
    row_counts,
    row_times_s,
)
from simcrate.statistics.samples import Samples

Floats = NDArray[np.float64]
NAN = math.nan
Consumer = type[HeldValues] | type[Interpolated] | type[StepMeans]


def fill(
    kind: Consumer,
    times: list[float],
    values: list[float],
    *,
    precision_s: float,
    end_s: float,
    cut: int = 0,
) -> HeldValues | Interpolated | StepMeans:
    """Resample one vector, the samples from `cut` on in a second batch, between two others that must stay empty."""
    rows = int(row_counts(np.array([end_s]), precision_s)[0])
    table = Table(np.array([rows, rows, rows]), Path())
    consumer = kind(table, np.array([True, True, True]), precision_s)
    for part in (slice(0, cut), slice(cut, None)):
        if times[part]:
            consumer.take(
                Samples(
                    vectors=np.array([1]),
                    starts=np.array([0]),
                    times_s=np.array(times[part]),
                    values=np.array(values[part]),
                )
            )
    assert np.isnan(table.values[table.slice(0)]).all()
    assert np.isnan(table.values[table.slice(2)]).all()
    return consumer


def held(times: list[float], values: list[float], **options: float) -> Floats:
    consumer = fill(HeldValues, times, values, **options)  # type: ignore[arg-type]
    assert isinstance(consumer, HeldValues)
    return consumer.finish(1)


def interpolated(times: list[float], values: list[float], **options: float) -> Floats:
    consumer = fill(Interpolated, times, values, **options)  # type: ignore[arg-type]
    assert isinstance(consumer, Interpolated)
    return consumer.finish(1)


def means(times: list[float], values: list[float], **options: float) -> tuple[Floats, list[int]]:
    consumer = fill(StepMeans, times, values, **options)  # type: ignore[arg-type]
    assert isinstance(consumer, StepMeans)
    result, counts = consumer.finish(1)
    return result, counts.tolist()


def test_sample_hold_holds_the_last_value_at_or_before_each_row() -> None:
    result = held([1.0, 2.0, 2.0, 4.5], [1, 2, 3, 4], precision_s=1, end_s=6)

    np.testing.assert_equal(result, [NAN, 1, 3, 3, 3, 4, 4])


def test_sample_hold_keeps_a_recorded_nan_until_the_next_sample() -> None:
    result = held([0.0, 1.5, 3.5], [1, NAN, math.inf], precision_s=1, end_s=5)

    np.testing.assert_equal(result, [1, 1, NAN, NAN, math.inf, math.inf])


def test_a_sample_after_the_last_row_is_not_lost_to_another_vector() -> None:
    np.testing.assert_equal(held([0.5, 9.7], [1, 2], precision_s=2, end_s=9.8), [NAN, 1, 1, 1, 1])


def test_linear_interpolates_and_does_not_extrapolate() -> None:
    result = interpolated([0.5, 2.5, 4.0], [0, 4, 1], precision_s=1, end_s=6)

    np.testing.assert_allclose(result, [NAN, 1, 3, 3, 1, NAN, NAN])


def test_linear_passes_through_a_jump_with_its_later_value() -> None:
    result = interpolated([0.0, 1.0, 1.0, 2.0], [0, 2, 5, 6], precision_s=0.5, end_s=2)

    np.testing.assert_allclose(result, [0, 1, 5, 5.5, 6])


def test_others_give_mean_and_count_of_each_step() -> None:
    result, counts = means([0.0, 0.9, 1.0, 3.5], [1, 3, 7, 2], precision_s=1, end_s=4)

    np.testing.assert_equal(result, [2, 7, NAN, 2, NAN])
    assert counts == [2, 1, 0, 1, 0]


def test_a_nan_sample_takes_no_part_in_its_step_and_an_infinite_one_shows() -> None:
    result, counts = means(
        [0.0, 0.5, 1.0, 2.0, 2.1], [NAN, 3, NAN, math.inf, 1], precision_s=1, end_s=3
    )

    np.testing.assert_equal(result, [3, NAN, math.inf, NAN])
    assert counts == [1, 0, 2, 0]


def test_decimal_times_fall_on_the_rows_that_people_expect() -> None:
    """0.3 / 0.1 is 2.9999999999999996 in binary."""
    times = [round(0.1 * i, 1) for i in range(10)]
    values = [float(i) for i in range(10)]

    np.testing.assert_equal(held(times, values, precision_s=0.1, end_s=0.9), values)
    result, counts = means(times, values, precision_s=0.1, end_s=0.9)
    np.testing.assert_equal(result, values)
    assert counts == [1] * 10
    assert row_times_s(4, 0.1).tolist() == [0, 0.1, 0.2, 0.3]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=15).map(sorted),
    st.randoms(use_true_random=False),
    st.integers(0, 15),
    st.sampled_from([0.5, 1.0, 1.75, 40.0]),
)
def test_resampling_in_two_batches_equals_a_loop_over_rows(
    ticks: list[int], random: object, cut: int, precision_s: float
) -> None:
    times = [t / 4 for t in ticks]
    values = [float(getattr(random, "randint")(-9, 9)) for _ in times]  # noqa: B009
    end_s = times[-1] + 1

    hold_result = held(times, values, precision_s=precision_s, end_s=end_s, cut=cut)
    mean_result, counts = means(times, values, precision_s=precision_s, end_s=end_s, cut=cut)

    for k, row in enumerate(row_times_s(hold_result.size, precision_s)):
        before = [v for t, v in zip(times, values, strict=True) if t <= row]
        within = [v for t, v in zip(times, values, strict=True) if row <= t < row + precision_s]
        np.testing.assert_equal(hold_result[k], before[-1] if before else NAN)
        assert counts[k] == len(within)
        np.testing.assert_allclose(mean_result[k], np.mean(within) if within else NAN)


def test_tables_too_large_for_memory_lie_in_a_file_and_hold_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "IN_MEMORY_BYTES", 100)
    table = Table(np.array([3, 50]), tmp_path)

    assert isinstance(table.values, np.memmap)
    assert np.isnan(table.values).all()
    table.values[7] = 1.5
    assert table.values[table.slice(1)][4] == 1.5
    assert not list(tmp_path.iterdir())


def test_a_table_in_a_file_has_its_space_at_once_and_no_signal_of_a_full_disk_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spilled: list[int] = []
    make = tempfile.TemporaryFile

    def make_and_keep(*, dir: Path) -> IO[bytes]:  # noqa: A002 - its name there
        file = make(dir=dir)
        spilled.append(os.dup(file.fileno()))
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", make_and_keep)
    monkeypatch.setattr(resampling, "IN_MEMORY_BYTES", 100)
    counts = resampling._allocate(1_000_000, np.uint32, 0, tmp_path)

    assert os.fstat(spilled[0]).st_blocks * 512 >= counts.nbytes
    os.close(spilled[0])


@pytest.mark.parametrize("precision_s", [0.0, -1.0, NAN, math.inf])
def test_a_precision_that_is_no_positive_number_is_refused(precision_s: float) -> None:
    with pytest.raises(BadInputError, match="must be a number of seconds above 0"):
        check_precision(precision_s)


def test_more_than_a_million_rows_are_refused_with_what_would_do() -> None:
    with pytest.raises(BadInputError, match=r"makes 2e\+06 rows .* take 0\.002 s or more"):
        check_precision(0.001, 2_000)
    check_precision(0.002, 2_000)
    check_precision(0.001, math.inf)
