"""What happens once before serving: a secret exists, and disk and ledger agree again."""

from __future__ import annotations

import time
from collections.abc import Iterator

from simcrate.localcloud.config import Config
from simcrate.localcloud.ledger import open_ledger
from simcrate.localcloud.secretbook import accept_secret_file, list_secrets
from simcrate.private import make_private_dir

OPEN_WARNING = (
    "WARNING: --open: anyone who reaches this port can store files here, fill the disk up to its limits, "
    "and hand out links that begin with this server's name"
)


def prepare(config: Config) -> Iterator[str]:
    """Make sure that somebody can upload; yields lines for the administrator.

    Raises:
        BadInputError: the secret file cannot be used, or the folder has blobs and no ledger.
    """
    if config.open:
        yield OPEN_WARNING
    make_private_dir(config.folder)
    ledger = open_ledger(config.folder)
    try:
        path = config.secret_file
        if path is None and not config.open and not list_secrets(ledger):
            path = config.folder / "secret"
        if path is not None and accept_secret_file(ledger, path, now=time.time()):
            yield f"made a secret for uploads and wrote it to {path} (mode 0600)"
    finally:
        ledger.close()
