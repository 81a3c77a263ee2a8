"""What must exist before the portal or a worker starts: directories, secrets, tables.

`prepare` (for programs) or `require_portal` (for commands) runs before Django reads its settings,
`migrate_database` or `require_tables` after `django.setup()`.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from simcrate.durable import flush
from simcrate.errors import BadInputError, PortError, SimCrateError
from simcrate.portal.database import SQLITE_FILE, database_place
from simcrate.portal.environment import Environment
from simcrate.private import make_private_dir

MIGRATION_LOCK = 0x51AC7A7E  # a number that nobody else locks
PRIVATE_FILE = 0o600

SECRETS: dict[str, Callable[[], str]] = {
    "django-key": lambda: secrets.token_urlsafe(48),
    "field-keys": lambda: Fernet.generate_key().decode(),
}
"""name in `var/secrets`: how a new one is made."""


def prepare(var_dir: Path, *, with_secrets: bool = True) -> None:
    """Make `var/`, `var/outbox` and `var/secrets`, closed to others, and each secret that is not there yet.

    Two that start at the same time end with the same secrets.

    Raises:
        SimCrateError: the directory cannot be written.
    """
    try:
        for directory in (var_dir, var_dir / "outbox", var_dir / "secrets"):
            make_private_dir(directory)
        for name, make in SECRETS.items() if with_secrets else ():
            _write_once(var_dir / "secrets" / name, make())
    except (FileExistsError, NotADirectoryError) as error:
        message = (
            f"could not make the directory '{var_dir}': a file stands in its place; "
            "move that away, or name another directory in SIMCRATE_VAR"
        )
        raise SimCrateError(message) from error
    except OSError as error:
        message = (
            f"could not prepare '{var_dir}': {error.strerror}; "
            "make it writable, or name another directory in SIMCRATE_VAR"
        )
        raise SimCrateError(message) from error


def require_portal(environment: Environment) -> None:
    """A command works on the portal that is there: one in a wrong directory must not get a new, empty one.

    Raises:
        BadInputError: there is none, or it is closed to this user.
    """
    var_dir = environment.var_dir
    needed = [var_dir / "secrets"]
    if not environment.database_url:
        needed.append(var_dir / SQLITE_FILE)
    try:
        is_there = all(path.exists() for path in needed)
    except PermissionError as error:
        message = (
            f"could not look into '{var_dir}': {error.strerror}; be the user that SimCrate runs as"
        )
        raise BadInputError(message) from error
    if not is_there:
        message = (
            f"there is no portal in '{var_dir}'; change to the directory where it was started, or set what "
            "it was started with (SIMCRATE_VAR, SIMCRATE_DATABASE_URL); `simcrate up` makes a new one"
        )
        raise BadInputError(message)


def migrate_database() -> None:
    """Bring the tables up to date; one of several that start at once does it, the others wait.

    Raises:
        PortError: the database cannot be reached.
    """
    from django.conf import settings
    from django.core.management import call_command

    with (settings.VAR_DIR / "migrate.lock").open("a") as lock, _reached_database():
        fcntl.flock(lock, fcntl.LOCK_EX)  # others on this machine
        with _locked_database():
            call_command("migrate", interactive=False, verbosity=0)
            call_command("clearsessions")


def require_tables() -> None:
    """A machine that makes no tables finds them made.

    Raises:
        PortError: the database cannot be reached, or has none of them.
    """
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    with _reached_database():
        has_tables = MigrationRecorder(connection).has_table()
    if not has_tables:
        message = (
            f"{our_database()} has no tables of SimCrate; start the portal first, which makes them, "
            "and give this machine the same SIMCRATE_DATABASE_URL"
        )
        raise PortError(message)


@contextmanager
def _reached_database() -> Iterator[None]:
    from django.db import InterfaceError, OperationalError

    try:
        yield
    except (OperationalError, InterfaceError) as error:
        said = str(error).strip().partition("\n")[0]
        message = (
            f"could not use {our_database()}: {said}; "
            "see that its server runs and lets us in, and correct SIMCRATE_DATABASE_URL"
        )
        raise PortError(message, detail=str(error)) from error


def our_database() -> str:
    """Which database this process works on, for people."""
    from django.conf import settings

    return database_place(settings.ENVIRONMENT.database_url, settings.VAR_DIR)


@contextmanager
def _locked_database() -> Iterator[None]:
    """Keep others on other machines waiting, too."""
    from django.db import connection

    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _write_once(path: Path, text: str) -> None:
    """Whole or not at all, and never over what is there: a link fails where a rename would replace."""
    if path.exists():
        return
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        return  # another process made it between our look and our link
    finally:
        unfinished.unlink()
    flush(path.parent)
