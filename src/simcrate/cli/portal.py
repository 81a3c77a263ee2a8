"""The way from a command into the portal: directories, secrets, Django, tables."""

from __future__ import annotations


def use_portal(*, migrate: bool = True) -> None:
    """Make what must exist, set Django up and bring the tables up to date.

    Called inside commands, so that those that need no portal start without Django.
    """
    import os

    import django

    from simcrate.portal.environment import read_environment
    from simcrate.portal.start import migrate_database, prepare

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simcrate.portal.settings")
    prepare(read_environment().var_dir)
    django.setup()
    if migrate:
        migrate_database()
