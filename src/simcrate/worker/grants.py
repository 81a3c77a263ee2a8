"""Gives grants, where this machine holds the staging secret, to the machines that hand runs over."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from simcrate.errors import PortError, StorageError
from simcrate.worker.parts import Part
from simcrate.worker.staging import GRANT_POLL_S, RETRY_S, Staging

log = logging.getLogger(__name__)


@contextmanager
def giving_grants(staging: Staging | None, stop: Event) -> Iterator[None]:
    """Beside whatever is done inside, where this machine holds the secret, until `stop` is set."""
    if staging and staging.secret:
        # a daemon: a grant that is given twice is none the worse
        Thread(target=give_grants, args=(staging, stop), name="grants", daemon=True).start()
    yield


def give_grants(staging: Staging, stop: Event) -> None:
    """Give grants to whoever waits for one, until `stop` is set."""
    while not stop.wait(GRANT_POLL_S):
        try:
            given = [_gives(staging, part) for part in staging.parts.wanted()]
        except PortError as error:
            log.warning("database.not_reached", extra={"retry_in_s": RETRY_S, **error.facts})
            given = [False]
        except Exception:
            # an edge: without this thread no other machine hands anything over
            log.exception("grants.failed")
            given = [False]
        if not all(given):
            stop.wait(RETRY_S)


def _gives(staging: Staging, part: Part) -> bool:
    """Whether the server gives a grant; a part that it refuses keeps no other one waiting."""
    try:
        staging.parts.give(part, staging.new_grant(part))
    except StorageError as error:
        log.warning("grant.not_given", extra={"part": part.key, **error.facts})
        return False
    return True
