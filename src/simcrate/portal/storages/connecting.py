"""*Connect*: an administrator allows an app in a browser, and the definition gets its refresh token.

The verifier waits in the administrator's session; whoever has only the code gets nothing.
"""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest

from simcrate.errors import BadInputError
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import create_or_update
from simcrate.secret import Secret

KIND = "dropbox"


def can_connect(backend: StorageBackend) -> bool:
    """Whether its kind has accounts to connect."""
    return backend.kind == KIND


def begin(request: HttpRequest, backend: StorageBackend) -> str:
    """The page of the provider on which to allow the app.

    Raises:
        BadInputError: the definition names no app.
    """
    from simcrate.storage.dropbox_oauth import start_connect  # its SDK is loaded when it is needed

    asked = start_connect(_app_key(backend))
    request.session[_place(backend)] = asked.verifier.reveal()
    return asked.url


def finish(request: HttpRequest, backend: StorageBackend, code: str) -> str:
    """Store the refresh token that a code is good for; returns the connected account.

    Raises:
        BadInputError: this session has not begun to connect.
        StorageError: the provider does not accept the code, or does not answer.
    """
    from simcrate.storage.dropbox_oauth import finish_connect

    verifier = request.session.pop(_place(backend), "")
    if not verifier:
        raise BadInputError("this page is too old; begin again")
    connection = finish_connect(_app_key(backend), Secret(verifier), code)
    definition = backend.definition()
    config = {**definition.config, "refresh_token": connection.refresh_token.reveal()}
    create_or_update(replace(definition, token="", config=config))
    return connection.account_id


def _app_key(backend: StorageBackend) -> str:
    app_key = str(backend.definition().config.get("app_key", ""))
    if not app_key:
        message = (
            'write the app key of your Dropbox app into the Backend config first: {"app_key": "…"}'
        )
        raise BadInputError(message)
    return app_key


def _place(backend: StorageBackend) -> str:
    return f"connect-{backend.pk}"
