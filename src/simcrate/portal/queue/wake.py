"""Tell workers that there is work, or a cancel: touch the file that they look at.

Only a hint.  A worker that misses it finds the rows a few seconds later.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from simcrate.worker.wakefile import touch

log = logging.getLogger(__name__)


def wake() -> None:
    """Wake the workers of this machine once the transaction at hand is committed."""
    transaction.on_commit(lambda: touch(settings.VAR_DIR))
