"""Messages on Redis that bring run ids to workers, carried by RQ.

A message holds the id of a run and nothing else: no secret, no pickle.  It is only a hint; the rows say
what is to be done.  So a message may be lost or come twice, and Redis may be emptied at any time:
`send_missing` looks at the rows and sends whatever has no message.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Event

import redis
from django.conf import settings
from redis.client import PubSub
from rq import Queue

from simcrate.portal.queue.candidates import claimable_runs
from simcrate.portal.queue.presence import Presence
from simcrate.worker.rq_engine import SUPERVISE, check_takes_writes, queue_name

CHANNEL = "simcrate:wake"
NEVER_S = -1  # a run may take for ever; its lease is what is watched
FAILED_KEPT_S = 3600
LONGEST_BACKLOG = 1000  # later runs get their messages when earlier ones are under way
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
RECONNECT_S = 1.0


def has_engine() -> bool:
    """Whether Redis brings runs to workers; otherwise they look for themselves."""
    return bool(settings.ENVIRONMENT.redis_url)


def send_missing() -> None:
    """Send a message for every run that waits and has none; keepers call this every few seconds."""
    with _hint("send"):
        check_takes_writes(_connection())  # also when there is nothing to send
        _send_missing()


def call_keepers() -> None:
    """Wake the keepers of all machines."""
    with _hint("call"):
        _connection().publish(CHANNEL, "")


@contextmanager
def _hint(call: str) -> Iterator[None]:
    """What is sent inside, by this kind of call, may be lost."""
    try:
        yield
    except redis.RedisError as error:
        _presence().lost(call, error)
    else:
        _presence().found(call)


def follow_wakes(on_wake: Callable[[], None], stop: Event) -> None:
    """Call `on_wake` whenever any machine wakes the keepers, and after each time that Redis was away."""
    while not stop.is_set():
        try:
            with PubSub(
                _connection().connection_pool, ignore_subscribe_messages=True
            ) as subscription:
                subscription.subscribe(CHANNEL)
                _presence().found("listen")
                on_wake()
                while not stop.is_set():
                    if subscription.get_message(timeout=RECONNECT_S):
                        on_wake()
        except redis.RedisError as error:
            _presence().lost("listen", error)
            time.sleep(RECONNECT_S)


def _send_missing() -> None:
    waiting: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    rows = claimable_runs().values_list("simulation__simulator", "pk", "fence")
    for simulator, key, fence in rows[:LONGEST_BACKLOG]:
        waiting[simulator].append((key, fence))
    for simulator, runs in waiting.items():
        queue = Queue(queue_name(simulator), connection=_connection(), serializer="json")
        _send(queue, runs, already=_sent(queue))


def _sent(queue: Queue) -> frozenset[str]:
    """The attempts whose messages wait, or were taken by a worker."""
    message_ids = queue.get_job_ids() + queue.started_job_registry.get_job_ids()
    return frozenset(message_id.rpartition("-")[0] for message_id in message_ids)


def _send(queue: Queue, runs: list[tuple[int, int]], *, already: Collection[str]) -> None:
    attempts = ((f"run-{key}-{fence}", str(key)) for key, fence in runs)
    queue.enqueue_many(
        [
            Queue.prepare_data(
                SUPERVISE,
                args=(run_id,),
                job_id=f"{attempt}-{secrets.token_hex(4)}",
                timeout=NEVER_S,
                result_ttl=0,
                failure_ttl=FAILED_KEPT_S,
                description=attempt,
            )
            for attempt, run_id in attempts
            if attempt not in already
        ]
    )


@cache
def _connection() -> redis.Redis:
    return redis.Redis.from_url(
        settings.ENVIRONMENT.redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
    )


@cache
def _presence() -> Presence:
    return Presence(_connection())
