"""Says once that Redis does not answer, and once that it does again, however many ask it meanwhile."""

from __future__ import annotations

import logging
from threading import Lock

import redis

log = logging.getLogger(__name__)

TODO = "start it, or correct SIMCRATE_REDIS_URL; runs that wait begin when it answers"


class Presence:
    """Whether Redis was there when this process last asked it for something.

    Args:
        connection: to whose server; its address is told, its credentials are not.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._server = _address(connection)
        self._is_away = False
        self._lock = Lock()

    def lost(self, error: redis.RedisError) -> None:
        """It did not answer, or refused us."""
        if self._changes_to(is_away=True):
            said = str(error).rstrip(".") or type(error).__name__
            why = f"{said}; {TODO}"
            log.warning("redis.not_reached", extra={"server": self._server, "why": why})

    def found(self) -> None:
        """It answered."""
        if self._changes_to(is_away=False):
            log.info("redis.reached_again", extra={"server": self._server})

    def _changes_to(self, *, is_away: bool) -> bool:
        with self._lock:
            was_away, self._is_away = self._is_away, is_away
        return was_away is not is_away


def _address(connection: redis.Redis) -> str:
    options = connection.connection_pool.connection_kwargs
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
