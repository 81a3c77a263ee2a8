"""What must exist before the portal or a worker starts: directories, secrets, tables.

`prepare` runs before Django reads its settings, `migrate_database` after `django.setup()`.
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
from simcrate.errors import SimCrateError
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
    except OSError as error:
        message = (
            f"could not prepare '{var_dir}': {error.strerror}; "
            "make it writable, or name another directory in SIMCRATE_VAR"
        )
        raise SimCrateError(message) from error


def migrate_database() -> None:
    """Bring the tables up to date; one of several that start at once does it, the others wait."""
    from django.conf import settings
    from django.core.management import call_command

    with (settings.VAR_DIR / "migrate.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # others on this machine
        with _locked_database():
            call_command("migrate", interactive=False, verbosity=0)
            call_command("clearsessions")


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
