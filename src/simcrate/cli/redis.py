"""What a worker does differently where `SIMCRATE_REDIS_URL` is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

from django.conf import settings

from simcrate.portal.queue.messages import follow_wakes, has_engine
from simcrate.worker.engine import Engine
from simcrate.worker.port import WorkKind
from simcrate.worker.rq_engine import RqEngine
from simcrate.worker.wakefile import touch


def engine_for(slots: dict[WorkKind, int]) -> Engine | None:
    """The engine that takes the runs over from the supervisor, and their slots with them."""
    return RqEngine(slots.pop(WorkKind.RUN)) if has_engine() else None


@contextmanager
def hearing_wakes(stop: Event) -> Iterator[None]:
    """What other machines call out wakes the workers of this one, until `stop` is set."""
    if has_engine():
        on_wake = partial(touch, settings.VAR_DIR)
        # a daemon: it holds nothing
        Thread(target=follow_wakes, args=(on_wake, stop), name="wakes", daemon=True).start()
    yield
