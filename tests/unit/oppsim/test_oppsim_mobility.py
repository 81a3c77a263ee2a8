"""Random waypoint mobility and the contacts that come of it."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcrate.oppsim.contacts import contacts_of, pairs_within
from simcrate.oppsim.mobility import RandomWaypoint, Waypoints, mean_leg_m

WALK = Waypoints(area_m=(400.0, 300.0), speed_mps=(0.5, 2.0), max_pause_s=60.0)


def nodes(count: int, *, seed: int = 1, waypoints: Waypoints = WALK) -> RandomWaypoint:
    return RandomWaypoint(count, waypoints, np.random.default_rng(seed))


def test_nodes_stay_in_the_area_and_move_no_faster_than_they_may() -> None:
    mobility = nodes(50)
    track = np.stack([mobility.positions(float(second)) for second in range(600)])

    assert (track >= 0).all()
    assert (track <= WALK.area_m).all()
    assert np.hypot(*np.diff(track, axis=0).T).max() <= 2.0 + 1e-9


def test_the_same_seed_gives_the_same_tracks_however_often_they_are_looked_at() -> None:
    often, seldom = nodes(10), nodes(10)
    for second in range(1000):
        often.positions(float(second))

    np.testing.assert_allclose(often.positions(1000.0), seldom.positions(1000.0))


def test_a_node_walks_the_same_way_however_many_others_there_are() -> None:
    np.testing.assert_allclose(nodes(3).positions(500.0), nodes(30).positions(500.0)[:3])


def test_another_seed_gives_other_tracks() -> None:
    assert not np.allclose(nodes(10).positions(0.0), nodes(10, seed=2).positions(0.0))


def test_a_fixed_speed_and_no_pause_are_possible() -> None:
    mobility = nodes(
        20, waypoints=Waypoints(area_m=(100.0, 100.0), speed_mps=(1.0, 1.0), max_pause_s=0.0)
    )
    steps = np.diff([mobility.positions(second / 10) for second in range(100)], axis=0)

    lengths = np.hypot(*steps.T)
    assert np.isclose(lengths, 0.1).mean() > 0.95  # all but the steps that turn a corner


@pytest.mark.parametrize(("width", "height"), [(1.0, 1.0), (2.0, 1.0), (10.0, 0.5)])
def test_the_mean_leg_is_the_mean_distance_of_two_uniform_points(
    width: float, height: float
) -> None:
    ends = np.random.default_rng(1).random((2, 200_000, 2)) * (width, height)
    lengths = np.hypot(*(ends[0] - ends[1]).T)

    assert mean_leg_m(width, height) == pytest.approx(lengths.mean(), rel=0.01)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30),
    st.floats(0, 60),
)
def test_pairs_within_a_distance_are_those_of_the_double_loop(
    points: list[tuple[float, float]], range_m: float
) -> None:
    positions = np.array(points, dtype=np.float64).reshape(-1, 2)
    expected = {
        (a, b)
        for a in range(len(points))
        for b in range(a + 1, len(points))
        if (points[a][0] - points[b][0]) ** 2 + (points[a][1] - points[b][1]) ** 2 <= range_m**2
        and abs(points[a][0] - points[b][0]) <= range_m
    }

    found = [tuple(pair) for pair in pairs_within(positions, range_m).tolist()]

    assert len(found) == len(set(found))
    assert set(found) == expected


def test_contacts_begin_and_end_as_nodes_come_and_go() -> None:
    mobility, watched = nodes(30), nodes(30)
    up: set[tuple[int, int]] = set()
    for step in islice(contacts_of(mobility, range_m=60.0, interval_s=1.0), 300):
        assert set(step.down) <= up
        assert up.isdisjoint(step.up)
        up = up - set(step.down) | set(step.up)
        near = {tuple(pair) for pair in pairs_within(watched.positions(step.time_s), 60.0).tolist()}
        assert up == near
    assert up


@pytest.mark.slow
def test_positions_and_speeds_are_stationary_from_the_start() -> None:
    """Starts and late states of 20,000 nodes have the same distribution (Kolmogorov-Smirnov)."""
    count = 20_000
    mobility = nodes(count)
    early = _distance_and_speed(mobility, 0.0)
    late = _distance_and_speed(mobility, 5000.0)

    critical = 1.95 * math.sqrt(2 / count)  # alpha = 0.001
    for first, second in zip(early, late, strict=True):
        assert _kolmogorov_smirnov(first, second) < critical


def _distance_and_speed(mobility: RandomWaypoint, time_s: float) -> tuple[np.ndarray, np.ndarray]:
    before, after = mobility.positions(time_s), mobility.positions(time_s + 0.01)
    middle = np.asarray(WALK.area_m) / 2
    return np.hypot(*(before - middle).T), np.hypot(*(after - before).T) / 0.01


def _kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float:
    both = np.concatenate((first, second))
    ranks = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (first, second)]
    return float(np.abs(ranks[0] - ranks[1]).max())
