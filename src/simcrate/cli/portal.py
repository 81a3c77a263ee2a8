"""The way from a command into the portal: directories, secrets, Django, tables."""

from __future__ import annotations


def use_portal(*, migrate: bool = True) -> None:
    """Make what must exist, set Django up and bring the tables up to date.

    Called inside commands, so that those that need no portal start without Django.  A machine that only
    runs simulations makes no secrets, needs none, and leaves the tables to others.
    """
    import os

    import django

    from simcrate.portal.environment import read_environment
    from simcrate.portal.start import migrate_database, prepare
    from simcrate.private import keep_files_private

    keep_files_private()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simcrate.portal.settings")
    environment = read_environment()
    prepare(environment.var_dir, with_secrets=not environment.only_runs)
    django.setup()
    if migrate and not environment.only_runs:
        migrate_database()
