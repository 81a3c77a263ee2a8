"""Writing to rows that may be out of reach for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable

from simcrate.errors import PortError
from simcrate.pipeline.watch import Watch

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


def until_reached(write: Callable[[], None], watch: Watch) -> None:
    """Call `write` until the rows can be reached; what it raises besides `PortError` is passed on.

    Raises:
        WorkEndedError: the lease is lost, or the worker ends, which waits for no rows.
    """
    wait_s = FIRST_WAIT_S
    while True:
        try:
            write()
        except PortError as error:
            log.warning("database.not_reached", extra={"retry_in_s": wait_s, **error.facts})
            watch.pause(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        else:
            return
