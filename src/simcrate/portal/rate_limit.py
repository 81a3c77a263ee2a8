"""How often one address may ask."""

from __future__ import annotations

import time

from django.core.cache import cache
from django.http import HttpRequest

WINDOW_S = 60


def is_too_often(request: HttpRequest, action: str, *, per_minute: int) -> bool:
    """Count this request; true when its sender has used up the current minute.

    Counted in this process only: enough against guessing and against loops, and it needs no server.
    """
    window = int(time.time()) // WINDOW_S
    key = f"rate:{action}:{request.META.get('REMOTE_ADDR', '')}:{window}"
    cache.add(key, 0, timeout=2 * WINDOW_S)
    try:
        return cache.incr(key) > per_minute
    except ValueError:  # the cache dropped the key between the two calls
        return False
