"""Passwords of links: asked with HTTP Basic, checked with scrypt, throttled.

A browser asks its user, `curl -u :PASSWORD` and `wget --password` send it, and every range request of a
download carries it again; so a right password is remembered in memory for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import OrderedDict

from starlette.requests import Request

from simcrate.localcloud.auth import basic_password
from simcrate.localcloud.cloud import Cloud
from simcrate.localcloud.limits import RateLimit
from simcrate.localcloud.objects import StoredObject
from simcrate.localcloud.passwords import matches_password
from simcrate.localcloud.problems import Problem

AT_ONCE = 2  # each check takes 16 MiB and a core
FAILURES_PER_MINUTE = 5  # of one link, from wherever
REMEMBERED_S = 600.0
REMEMBERED = 1000
CHALLENGE = {"WWW-Authenticate": 'Basic realm="link with a password", charset="UTF-8"'}


class Gate:
    """Checks passwords."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._failures = RateLimit(per_s=FAILURES_PER_MINUTE / 60, burst=FAILURES_PER_MINUTE)
        self._salt = os.urandom(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()

    async def require(self, cloud: Cloud, stored: StoredObject, request: Request) -> None:
        """Let a request pass that has the password of a link, if there is one.

        Raises:
            Problem: `password-needed`; `too-many` after too many wrong ones.
        """
        if stored.password is None:
            return
        password = _sent_password(request)
        if password is None:
            raise Problem("password-needed", "this link has a password", headers=CHALLENGE)
        mark = hashlib.sha256(self._salt + f"{stored.password}:{password}".encode()).digest()
        if self._right.get(mark, 0.0) > time.monotonic():
            return
        async with self._turn:
            self._failures.require(stored.object_id)
            if not await cloud.run(matches_password, password, stored.password):
                self._failures.take(stored.object_id)
                raise Problem("password-needed", "this is not the password", headers=CHALLENGE)
        self._remember(mark)

    def _remember(self, mark: bytes) -> None:
        self._right[mark] = time.monotonic() + REMEMBERED_S
        self._right.move_to_end(mark)
        while len(self._right) > REMEMBERED:
            self._right.popitem(last=False)


def gate_of(request: Request) -> Gate:
    """The gate of the server that a request came to."""
    gate = request.app.state.gate
    assert isinstance(gate, Gate)
    return gate


def _sent_password(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return basic_password(value) if scheme.lower() == "basic" else None
