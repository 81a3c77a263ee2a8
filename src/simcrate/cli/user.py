"""`simcrate user`: make the accounts of this machine's portal, the first administrator among them."""

from __future__ import annotations

import secrets

import click

from simcrate.cli.portal import use_portal
from simcrate.errors import BadInputError
from simcrate.secret import Secret


@click.group()
def user() -> None:
    """Make accounts of this machine's portal."""


@user.command()
@click.argument("name")
@click.option("--email", default="", help="An address that is known to be theirs; mail goes there.")
@click.option("--admin", is_flag=True, help="With every right in the administration.")
@click.option("--generate", is_flag=True, help="Make a password and print it, instead of asking.")
def add(name: str, email: str, admin: bool, generate: bool) -> None:  # noqa: FBT001 - click's interface
    """Make the user NAME; asks for a password, which is never an argument."""
    use_portal()
    from simcrate.portal.accounts.services import create_user
    from simcrate.portal.start import our_database

    password = secrets.token_urlsafe(12) if generate else _ask()
    _check(password, name)
    create_user(username=name, password=Secret(password), confirmed_email=email, is_admin=admin)
    kind = "administrator" if admin else "user"
    click.echo(f"made the {kind} '{name}' in {our_database()}", err=True)
    if generate:
        click.echo(password)


def _ask() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def _check(password: str, name: str) -> None:
    """By the rules that the portal's own forms have.

    Raises:
        BadInputError: all that is wrong with the password.
    """
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from simcrate.portal.accounts.models import User

    try:
        validate_password(password, User(username=name))
    except ValidationError as error:
        raise BadInputError("this password cannot be used: " + " ".join(error.messages)) from error
