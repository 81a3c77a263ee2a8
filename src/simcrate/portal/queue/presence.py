"""Says once that Redis does not answer or refuses us, and once that it serves us again, however many ask it meanwhile."""

from __future__ import annotations

import logging
from threading import Lock

import redis

log = logging.getLogger(__name__)

TODO = "start it, or correct SIMCRATE_REDIS_URL; runs that wait begin when it answers"
TODO_REFUSED = "let it take writes, or make room in it; runs that wait begin when it does"


class Presence:
    """Whether Redis did what this process last asked it for.

    One that is full, or a replica, answers some calls and refuses others: only the same kind of call tells
    that this is over.

    Args:
        connection: to whose server; its address is told, its credentials are not.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._server = _address(connection)
        self._is_away = False
        self._refused: set[str] = set()
        self._lock = Lock()

    def lost(self, call: str, error: redis.RedisError) -> None:
        """It did not answer, or refused us this kind of call."""
        is_refusal = isinstance(error, redis.ResponseError)
        with self._lock:
            is_known = self._is_lost
            if is_refusal:
                self._refused.add(call)
            else:
                self._is_away = True
        if not is_known:
            said = str(error).rstrip(".") or type(error).__name__
            why = f"{said}; {TODO_REFUSED if is_refusal else TODO}"
            log.warning("redis.not_reached", extra={"server": self._server, "why": why})

    def found(self, call: str) -> None:
        """It did what this kind of call asks for."""
        with self._lock:
            was_lost = self._is_lost
            self._is_away = False
            self._refused.discard(call)
            is_back = was_lost and not self._is_lost
        if is_back:
            log.info("redis.reached_again", extra={"server": self._server})

    @property
    def _is_lost(self) -> bool:
        return self._is_away or bool(self._refused)


def _address(connection: redis.Redis) -> str:
    options = connection.connection_pool.connection_kwargs
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
