"""When it will end, at the pace so far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simcrate.portal.simulations.estimates import estimate_end

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def test_the_rest_takes_as_long_as_what_was_done_says() -> None:
    assert estimate_end(NOW - timedelta(minutes=10), 25, NOW) == NOW + timedelta(minutes=30)


@pytest.mark.parametrize(("started_at", "percent"), [(None, 50), (NOW, 0), (NOW, 0.9), (NOW, 100)])
def test_without_a_pace_there_is_no_estimate(started_at: datetime | None, percent: float) -> None:
    assert estimate_end(started_at, percent, NOW) is None
