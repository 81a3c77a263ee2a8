"""What the messages' side of a process says while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django import Settings

from simcrate.portal.queue import messages


@pytest.fixture(autouse=True)
def _nobody_listens(settings: Settings) -> Iterator[None]:
    url = "redis://127.0.0.1:1/0"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, redis_url=url)
    for cached in (messages._connection, messages._presence):
        cached.cache_clear()
    yield
    for cached in (messages._connection, messages._presence):
        cached.cache_clear()


def test_having_nothing_to_send_is_no_answer_of_redis(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "simcrate")
    for _ in range(2):
        messages.call_keepers()
        messages.send_missing()

    assert caplog.messages == ["redis.not_reached"]
