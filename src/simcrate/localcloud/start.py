"""What happens once before serving: a secret exists, and disk and ledger agree again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from simcrate.errors import BadInputError
from simcrate.localcloud.config import Config
from simcrate.localcloud.ledger import BUSY_TIMEOUT_S, open_ledger, telling_why
from simcrate.localcloud.secretbook import accept_secret_file, list_secrets
from simcrate.private import make_private_dir

DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
PRIMARY = 0xFF  # of an extended result code; source: https://sqlite.org/rescode.html

OPEN_WARNING = (
    "WARNING: --open: anyone who reaches this port can store files here, fill the disk up to its limits, "
    "and hand out links that begin with this server's name"
)


def prepare(config: Config) -> Iterator[str]:
    """Make sure that somebody can upload; yields lines for the administrator.

    Raises:
        BadInputError: the secret file cannot be used, the folder has blobs and no ledger, or the ledger is
            damaged.
        SimCrateError: the ledger cannot be used just now.
    """
    if config.open:
        yield OPEN_WARNING
    make_private_dir(config.folder)
    with telling_why(config.folder):
        require_sound(config.folder / "ledger.sqlite3")
        yield from _accept_secret(config)


def _accept_secret(config: Config) -> Iterator[str]:
    with closing(open_ledger(config.folder)) as ledger:
        path = config.secret_file
        if path is None and not config.open and not list_secrets(ledger):
            path = config.folder / "secret"
        if path is not None and accept_secret_file(ledger, path, now=time.time()):
            yield f"made a secret for uploads and wrote it to {path} (mode 0600)"


def require_sound(path: Path) -> None:
    """Read a ledger whole: one that was put back beside another one's journal is a mixture of both.

    Raises:
        BadInputError: it is damaged; what it says must remove nothing.
        sqlite3.OperationalError: it could not be read, which tells nothing about what is in it.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
        try:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & PRIMARY not in DAMAGE:
                raise
            found = str(error)
    if found != "ok":
        message = (
            f"'{path}' is damaged ({found}); put the ledger back from a backup, and move away "
            "the files whose names end in -wal and -shm, which belong to the damaged one"
        )
        raise BadInputError(message)
