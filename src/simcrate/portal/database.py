"""Django's `DATABASES` entry: SQLite below `var/`, or what `SIMCRATE_DATABASE_URL` names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from simcrate.errors import BadInputError

SQLITE_FILE = "db.sqlite3"
LOCK_WAIT_S = 20
"""How long a writer of SQLite waits for its turn."""

NOTICE_ABSENCE: dict[str, Any] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
"""A PostgreSQL that cannot be reached is an error well before a lease ends, not a wait of hours.

Only the network is timed: how long a query may take is nobody's concern here.
Source: PostgreSQL, libpq, "Parameter Key Words"; the URL's own come first.
"""


def database_entry(database_url: str, var_dir: Path) -> dict[str, Any]:
    """The entry for one database.

    Args:
        database_url: `postgresql://user:password@host:port/name?sslmode=…`, or empty for SQLite.
        var_dir: where the SQLite file lives.

    Raises:
        BadInputError: the URL is none of PostgreSQL.
    """
    return _postgresql(database_url) if database_url else _sqlite(var_dir / SQLITE_FILE)


def database_place(database_url: str, var_dir: Path) -> str:
    """Which database that is, without credentials, for people."""
    if not database_url:
        return f"the database '{var_dir / SQLITE_FILE}'"
    entry = _postgresql(database_url)
    server = ":".join(part for part in (entry["HOST"], entry["PORT"]) if part)
    return f"the database '{entry['NAME']}' at {server or 'the local socket'}"


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            # immediate: a transaction that will write waits its turn at its start, not in its middle
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_WAIT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        message = (
            "SIMCRATE_DATABASE_URL cannot be used: write postgresql://user:password@host:port/name,"
            " or leave it empty for SQLite"
        )
        raise BadInputError(message)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": {**NOTICE_ABSENCE, **dict(parse_qsl(parts.query))},
    }
