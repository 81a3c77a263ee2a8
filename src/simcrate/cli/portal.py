"""The way from a command into the portal: directories, secrets, Django, tables.

Called inside commands, so that those that need no portal start without Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simcrate.portal.environment import Environment


def use_portal() -> None:
    """Set Django up on the portal that is there, and bring its tables up to date.

    Raises:
        BadInputError: there is none.
        PortError: its database cannot be reached.
    """
    from simcrate.portal.environment import read_environment
    from simcrate.portal.start import require_portal

    environment = read_environment()
    require_portal(environment)
    _enter(environment, migrate=True)


def start_portal(*, migrate: bool = True) -> None:
    """The same for the programs, which make what is not there yet.

    A machine that only runs simulations makes no secrets, needs none, and leaves the tables to others.

    Raises:
        SimCrateError: the var directory cannot be written.
        PortError: the database cannot be reached.
    """
    from simcrate.portal.environment import read_environment

    _enter(read_environment(), migrate=migrate)


def _enter(environment: Environment, *, migrate: bool) -> None:
    import os

    import django

    from simcrate.portal.start import migrate_database, prepare, require_tables
    from simcrate.private import keep_files_private

    keep_files_private()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simcrate.portal.settings")
    prepare(environment.var_dir, with_secrets=not environment.only_runs)
    django.setup()
    if environment.only_runs:
        require_tables()
    elif migrate:
        migrate_database()
