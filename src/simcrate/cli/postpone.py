"""`simcrate storage postpone`: no crate goes for some days, after a database was restored."""

from __future__ import annotations

import getpass
from datetime import timedelta

import click

from simcrate.cli.portal import use_portal
from simcrate.delivery import LINK_GRACE


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, LINK_GRACE.days),
    default=LINK_GRACE.days,
    show_default=True,
    help="The links of some storage backends do not last longer by themselves.",
)
def postpone(*, days: int) -> None:
    """Keep every crate of this machine's portal for some days from now at least.

    For a database that was restored, before the workers are started: it does not know which crates
    were extended since it was saved, and would remove them at their former expiry.
    """
    use_portal()
    from simcrate.portal.deliveries.retention import postpone_removals

    who = f"simcrate storage postpone ({getpass.getuser()})"
    postponed = postpone_removals(timedelta(days=days), who=who)
    count = len(postponed)
    click.echo(f"{count} crates that would have been removed earlier are kept for {days} days")
    for one in postponed:
        if one.doubt:
            click.echo(f"{one.file_name} at {one.storage}: {one.doubt}")
