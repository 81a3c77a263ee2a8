"""The examples of the text that the product was ordered from are accepted as they stand."""

from __future__ import annotations

import pytest

from simcrate.secret import Secret
from simcrate.storage import (
    TAGS,
    backend_class,
    check_definition,
    definition_from_tags,
    obstacles,
    open_backend,
    validate_options,
)

DROPBOX_CONFIG = '{"app_key": "g234cl8j7654omi", "app_secret": "60v543ou17899z1", "refresh_token": "Zjyi908CUig321AAAAAAAWUs1vErUWCtpCVqT5629zE7098OKH5S26781uU7qax5"}'
SEAFILE_CONFIG = '{"token": "ef3d0a5l8j7654omi", "repoid": "60v4389103438eda4d789f543ou17899z1"}'

DROPBOX = {
    "storage_backend_id": "dropbox",
    "storage_backend": "Dropbox OAuth2",
    "storage_backend_config": DROPBOX_CONFIG,
}
SEAFILE = {
    "storage_backend_id": "seafile",
    "storage_backend": "Seafile",
    "storage_backend_config": SEAFILE_CONFIG,
}
LOCAL = {
    "storage_backend_id": "local",
    "storage_backend": "Local storage",
    "storage_backend_token": "10.10.160.10:8976",
}


def test_the_seven_tags_have_their_display_names() -> None:
    assert [(tag.tag, tag.label) for tag in TAGS] == [
        ("storage_backend", "Backend name"),
        ("storage_backend_id", "Backend identifier"),
        ("storage_backend_token", "Backend token"),
        ("storage_backend_config", "Backend config"),
        ("storage_backend_keep_days", "Backend keep days"),
        ("storage_backend_desc", "Backend description"),
        ("storage_backend_active", "Backend active"),
    ]


@pytest.mark.parametrize("example", [DROPBOX, SEAFILE, LOCAL], ids=["dropbox", "seafile", "local"])
def test_an_example_is_a_definition_as_it_stands(example: dict[str, str]) -> None:
    check_definition(definition_from_tags(example))


@pytest.mark.parametrize("example", [DROPBOX, LOCAL], ids=["dropbox", "local"])
def test_the_examples_of_dropbox_and_local_can_be_active_as_they_stand(
    example: dict[str, str],
) -> None:
    assert obstacles(definition_from_tags(example)) == ()


def test_the_example_of_seafile_cannot_be_active_until_a_server_is_known() -> None:
    definition = definition_from_tags(SEAFILE)

    (reason,) = obstacles(definition)
    assert "server" in reason
    assert obstacles(definition, defaults={"seafile": {"server": "https://seafile.test"}}) == ()


def test_the_credentials_of_the_dropbox_example_become_secrets() -> None:
    definition = definition_from_tags(DROPBOX)

    _, config = validate_options(backend_class("dropbox"), definition.token, definition.config)

    assert config["refresh_token"] == Secret(
        "Zjyi908CUig321AAAAAAAWUs1vErUWCtpCVqT5629zE7098OKH5S26781uU7qax5"
    )
    assert "Zjyi908" not in repr(definition)


def test_the_backend_of_the_local_example_opens_without_sending_anything() -> None:
    backend = open_backend(definition_from_tags(LOCAL))

    assert backend.kind == "local"
    backend.close()
