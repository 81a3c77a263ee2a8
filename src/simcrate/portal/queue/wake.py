"""Tell workers that there is work, or a cancel: touch the file that they look at, and send messages.

Only a hint.  A worker that misses it finds the rows a few seconds later.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from simcrate.portal.queue.messages import call_keepers, has_engine, send_missing
from simcrate.worker.wakefile import touch


def wake() -> None:
    """Wake the workers once the transaction at hand is committed."""
    transaction.on_commit(_wake)


def wake_others() -> None:
    """Something has ended here, which may be what another machine waits for."""
    if has_engine():
        transaction.on_commit(call_keepers)


def _wake() -> None:
    touch(settings.VAR_DIR)
    if has_engine():
        send_missing()
        call_keepers()
