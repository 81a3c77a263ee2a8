"""One `rq` worker, on a real Redis."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from rq import Queue

from simcrate.worker.rq_engine import queue_name
from tests.servers.redis import redis_server

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
