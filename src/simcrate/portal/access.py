"""Pages for people who are logged in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from simcrate.portal.accounts.models import User

Params = ParamSpec("Params")


class UserRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User


def for_users(
    view: Callable[Concatenate[UserRequest, Params], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Params], HttpResponse]:
    """Send everybody else to the login page first."""
    return login_required(view)  # type: ignore[return-value]  # it narrows the request
