"""OAuth2 with PKCE for a refresh token, and the SDK's own environment variables."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from simcrate.errors import StorageAuthError, StorageUnreachableError
from simcrate.secret import Secret
from simcrate.storage import StorageDefinition, open_backend
from simcrate.storage.dropbox_oauth import SCOPES, finish_connect, start_connect
from tests.servers.dropbox import DropboxServer
from tests.servers.http_double import Fault


def test_connecting_gives_a_refresh_token_that_works_without_an_app_secret(
    dropbox: DropboxServer,
) -> None:
    app_key = dropbox.state.app_key
    request = start_connect(app_key)
    code = dropbox.routes.approve(request.url)
    connection = finish_connect(app_key, request.verifier, f" {code}\n")
    config = {"app_key": app_key, "refresh_token": connection.refresh_token.reveal()}
    backend = open_backend(StorageDefinition(name="Dropbox", id="dropbox", config=config))

    assert backend.space().free_bytes == dropbox.state.allocated
    assert set(connection.scopes) == set(SCOPES)
    backend.close()


def test_the_url_asks_for_offline_access_by_challenge(dropbox: DropboxServer) -> None:
    request = start_connect(dropbox.state.app_key)

    assert request.url.startswith(f"{dropbox.http.url}/oauth2/authorize?")
    assert "token_access_type=offline" in request.url
    assert "code_challenge_method=S256" in request.url
    assert request.verifier.reveal() not in request.url


def test_a_code_without_its_verifier_is_worth_nothing(dropbox: DropboxServer) -> None:
    request = start_connect(dropbox.state.app_key)
    code = dropbox.routes.approve(request.url)

    with pytest.raises(StorageAuthError, match="does not accept the code"):
        finish_connect(dropbox.state.app_key, Secret("x" * 128), code)


def test_a_code_works_once(dropbox: DropboxServer) -> None:
    request = start_connect(dropbox.state.app_key)
    code = dropbox.routes.approve(request.url)
    finish_connect(dropbox.state.app_key, request.verifier, code)

    with pytest.raises(StorageAuthError, match="works once"):
        finish_connect(dropbox.state.app_key, request.verifier, code)


def test_a_permission_that_was_not_granted_is_named(dropbox: DropboxServer) -> None:
    request = start_connect(dropbox.state.app_key)
    code = dropbox.routes.approve(request.url.replace("+sharing.write", ""))

    with pytest.raises(StorageAuthError, match=r"sharing\.write"):
        finish_connect(dropbox.state.app_key, request.verifier, code)


def test_no_answer_is_worth_another_try(dropbox: DropboxServer) -> None:
    request = start_connect(dropbox.state.app_key)
    code = dropbox.routes.approve(request.url)
    dropbox.faults.on("/oauth2/token", Fault("before"))

    with pytest.raises(StorageUnreachableError):
        finish_connect(dropbox.state.app_key, request.verifier, code)
    assert finish_connect(dropbox.state.app_key, request.verifier, code).refresh_token


def test_the_environment_variables_of_the_sdk_choose_hosts_and_certificates(
    dropbox: DropboxServer,
) -> None:
    program = (
        "import sys; from simcrate.storage import StorageDefinition, open_backend;"
        "print(open_backend(StorageDefinition(name='d', id='dropbox', token=sys.stdin.read()))"
        ".space().free_bytes)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        input=dropbox.state.add_access_token(),
        env={**os.environ, **dropbox.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert int(ended.stdout) == dropbox.state.allocated
