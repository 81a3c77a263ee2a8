"""What the messages' side of a process says while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django import Settings

from simcrate.portal.queue import messages
from tests.servers.redis import redis_server


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    for cached in (messages._connection, messages._presence):
        cached.cache_clear()
    yield
    for cached in (messages._connection, messages._presence):
        cached.cache_clear()


def test_having_nothing_to_send_is_no_answer_of_redis(
    db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "simcrate")
    url = "redis://127.0.0.1:1/0"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, redis_url=url)
    for _ in range(2):
        messages.call_keepers()
        messages.send_missing()

    assert caplog.messages == ["redis.not_reached"]


@pytest.mark.services
def test_a_redis_that_takes_no_writes_is_told_once_also_when_there_is_nothing_to_send(
    db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "simcrate")
    with redis_server() as redis, redis.client() as connection:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, redis_url=redis.url)
        connection.config_set("maxmemory", 1)
        for _ in range(2):
            messages.call_keepers()
            messages.send_missing()
        assert caplog.messages == ["redis.not_reached"]

        connection.config_set("maxmemory", 0)
        messages.send_missing()
        messages._connection().close()

    assert caplog.messages == ["redis.not_reached", "redis.reached_again"]
