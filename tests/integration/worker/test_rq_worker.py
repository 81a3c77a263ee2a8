"""One `rq` worker, on a real Redis."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue

from simcrate.worker.rq_engine import RqEngine, queue_name
from tests.servers.redis import RedisServer, redis_server

pytestmark = pytest.mark.services

WORKER = """
import sys
from threading import Event
from simcrate.worker.rq_engine import serve_messages
serve_messages(["oppsim"], sys.argv[1], Event())
"""


def test_a_worker_that_is_told_to_end_as_its_run_has_just_ended_does() -> None:
    with redis_server() as redis, redis.client() as connection:
        queue = Queue(queue_name("oppsim"), connection=connection, serializer="json")
        queue.enqueue("signal.raise_signal", signal.SIGTERM.value)
        worker = subprocess.run([sys.executable, "-c", WORKER, redis.url], timeout=60, check=False)

        assert worker.returncode == 0
        assert queue.is_empty()


def test_a_worker_waits_for_a_redis_that_is_away_and_says_nothing(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    command = [sys.executable, "-c", WORKER, redis.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
        redis.start()
        with redis.client() as connection:
            until_one_told(connection, "state", b"idle")
            redis.kill()
            redis.start()
            until_one_told(connection, "last_heartbeat")
            queue = Queue(queue_name("oppsim"), connection=connection, serializer="json")
            queue.enqueue("signal.raise_signal", signal.SIGTERM.value)
        _, said = worker.communicate(timeout=60)
    redis.kill()

    assert worker.returncode == 0
    assert said == ""


def test_a_worker_waits_for_a_redis_that_takes_no_writes_and_says_nothing() -> None:
    with redis_server() as redis, redis.client() as connection:
        connection.config_set("maxmemory", 1)
        command = [sys.executable, "-c", WORKER, redis.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
            while refused(connection) < 2:
                assert worker.poll() is None
                time.sleep(0.05)
            connection.config_set("maxmemory", 0)
            until_one_told(connection, "state", b"idle")
            queue = Queue(queue_name("oppsim"), connection=connection, serializer="json")
            queue.enqueue("signal.raise_signal", signal.SIGTERM.value)
            _, said = worker.communicate(timeout=60)

    assert worker.returncode == 0
    assert said == ""


def test_a_worker_that_ends_by_itself_is_not_replaced_at_once() -> None:
    class Ending(RqEngine):
        def _started(self) -> subprocess.Popen[bytes]:
            started.append(subprocess.Popen(["true"]))
            return started[-1]

    started: list[subprocess.Popen[bytes]] = []
    engine = Ending(count=1)
    for _ in range(2):
        engine.look(["oppsim"], is_draining=False)
        started[0].wait()

    assert len(started) == 1


def refused(connection: Redis) -> int:
    """How many writes for which it has no memory."""
    error: dict[str, int] = connection.info("errorstats").get("errorstat_OOM", {"count": 0})
    return error["count"]


def until_one_told(connection: Redis, field: str, value: bytes | None = None) -> None:
    """Until an `rq` worker has told this Redis that of itself; any value by default."""
    deadline = time.monotonic() + 60
    while not any(
        told and value in {None, told}
        for told in (connection.hget(key, field) for key in connection.scan_iter("rq:worker:*"))
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
