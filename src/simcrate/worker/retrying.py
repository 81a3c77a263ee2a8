"""Writing to rows that may be out of reach for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from simcrate.errors import PortError

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


def until_reached(
    write: Callable[[], None], *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Call `write` until the rows can be reached; what it raises besides `PortError` is passed on."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            write()
        except PortError as error:
            log.warning("database.not_reached", extra={"retry_in_s": wait_s, **error.facts})
            sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        else:
            return
