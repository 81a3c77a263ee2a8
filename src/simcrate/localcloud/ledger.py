"""The ledger: what the server knows, in one SQLite file.

Many threads read at the same time, each on a connection of its own; one writes at a time.  A durable
transaction is on the disk when it returns.  The others may be lost with the machine's power, not with
the process: they hold what is done again when it is missing (an upload that was given up or grew).

Times are seconds since 1970, UTC.  Digests are lower-case hex.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simcrate.errors import BadInputError, SimCrateError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 20.0  # another process may write: `local-cloud secret`, `local-cloud delete`

SCHEMA = """
CREATE TABLE secrets (
    secret_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    revoked_at REAL
) STRICT;

CREATE TABLE objects (
    object_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    media_type TEXT NOT NULL,
    blob TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    link_token TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    expires_at REAL,
    held INTEGER NOT NULL DEFAULT 0,
    password TEXT,
    max_downloads INTEGER,
    removed_at REAL,
    removed_why TEXT
) STRICT;
CREATE UNIQUE INDEX objects_live ON objects (owner, key, sha256)
    WHERE removed_at IS NULL AND owner <> 'anyone';
CREATE INDEX objects_by_digest ON objects (owner, sha256) WHERE removed_at IS NULL;
CREATE INDEX objects_by_blob ON objects (blob) WHERE removed_at IS NULL;
CREATE INDEX objects_by_owner ON objects (owner, object_id) WHERE removed_at IS NULL;
CREATE INDEX objects_by_expiry ON objects (expires_at) WHERE removed_at IS NULL AND held = 0;
CREATE INDEX objects_by_removal ON objects (removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE uploads (
    upload_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT,
    wish TEXT NOT NULL,
    metadata TEXT NOT NULL,
    concat TEXT NOT NULL,
    grant_id TEXT,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    object_id TEXT
) STRICT;
CREATE INDEX uploads_by_key ON uploads (owner, key, created_at);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
CREATE INDEX uploads_unfinished ON uploads (owner, size_bytes) WHERE object_id IS NULL;

CREATE TABLE grants (
    grant_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    max_bytes INTEGER NOT NULL,
    sha256 TEXT,
    wish TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    upload_id TEXT,
    object_id TEXT
) STRICT;
CREATE INDEX grants_by_expiry ON grants (expires_at);

CREATE TABLE reservations (
    reservation_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    expires_at REAL NOT NULL
) STRICT;

CREATE TABLE usage (
    owner TEXT PRIMARY KEY,
    objects INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE coverage (
    object_id TEXT PRIMARY KEY,
    served_bytes INTEGER NOT NULL,
    downloads INTEGER NOT NULL,
    passes TEXT NOT NULL
) STRICT;
"""


def open_ledger(folder: Path) -> Ledger:
    """The ledger of a store, made if the store is new.

    Raises:
        BadInputError: there are blobs, which a new ledger would not know.
    """
    path = folder / "ledger.sqlite3"
    is_new = not path.exists() or path.stat().st_size == 0
    if is_new and any((folder / "blobs").glob("*/*")):
        message = (
            f"'{path}' is missing or empty, but there are objects in '{folder / 'blobs'}': "
            "put the ledger back from a backup, or move blobs away to begin anew"
        )
        raise BadInputError(message)
    return Ledger(path)


@contextmanager
def telling_why(folder: Path) -> Iterator[None]:
    """Tell an administrator why the ledger of a store cannot be used just now; it may be sound.

    Raises:
        SimCrateError: the disk is full or failed, a permission is missing, or somebody else is writing.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        message = (
            f"could not use '{folder / 'ledger.sqlite3'}': {error}; leave it and the files beside it "
            "as they are, make room on the disk or correct their permissions, and try again"
        )
        raise SimCrateError(message) from error


class Ledger:
    """One SQLite file.

    Args:
        path: the file; made if absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._registering = threading.Lock()
        self._writing = threading.Lock()
        self._writer = self._connect()
        self._create()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Read; never waits for a writer."""
        return self._reader().execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        """Read at most one row."""
        row: sqlite3.Row | None = self._reader().execute(sql, values).fetchone()
        return row

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Write; all or nothing, and on the disk at the end if `durable`."""
        with self._writing:
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close every connection; no thread may use the ledger any more."""
        for connection in self._connections:
            connection.close()

    def _create(self) -> None:
        with self.transaction(durable=True) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        if version not in {0, SCHEMA_VERSION}:
            message = (
                f"{self._path} has schema version {version}; this program knows {SCHEMA_VERSION}"
            )
            raise RuntimeError(message)

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        with self._registering:
            self._connections.append(connection)
        return connection
