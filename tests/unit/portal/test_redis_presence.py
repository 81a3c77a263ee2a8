"""What a process says of a Redis that is away."""

from __future__ import annotations

import pytest
import redis

from simcrate.portal.queue.presence import Presence

URL = "redis://simcrate:hunter2@10.0.0.1:6390/0"


def test_a_redis_that_is_away_is_told_once_when_it_goes_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "simcrate")
    presence = Presence(redis.Redis.from_url(URL))

    presence.found("call")
    for _ in range(3):
        presence.lost("call", redis.ConnectionError("Connection refused"))
    for _ in range(2):
        presence.found("call")

    assert caplog.messages == ["redis.not_reached", "redis.reached_again"]


def test_a_redis_that_refuses_some_calls_is_not_back_when_it_answers_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "simcrate")
    presence = Presence(redis.Redis.from_url(URL))

    for _ in range(3):
        presence.lost("send", redis.OutOfMemoryError("used memory > 'maxmemory'"))
        presence.found("call")
    assert caplog.messages == ["redis.not_reached"]
    assert "make room" in vars(caplog.records[0])["why"]

    presence.found("send")
    assert caplog.messages == ["redis.not_reached", "redis.reached_again"]


def test_it_is_told_with_the_address_the_reason_and_what_to_do_but_no_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Presence(redis.Redis.from_url(URL)).lost("call", redis.ConnectionError("Connection refused"))

    said = str(vars(caplog.records[0]))
    assert "10.0.0.1:6390" in said
    assert "Connection refused" in said
    assert "SIMCRATE_REDIS_URL" in said
    assert "hunter2" not in said


def test_a_redis_behind_a_socket_is_named_by_its_path(caplog: pytest.LogCaptureFixture) -> None:
    Presence(redis.Redis.from_url("unix:///run/redis.sock")).lost("call", redis.TimeoutError())

    assert vars(caplog.records[0])["server"] == "/run/redis.sock"
    assert vars(caplog.records[0])["why"].startswith("TimeoutError; start it")
