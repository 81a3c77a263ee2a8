"""A stored secret goes to the address that it was stored for, or nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simcrate.errors import DefinitionError
from simcrate.secret import UNMODIFIED
from simcrate.storage import StorageDefinition, keep_secrets, mask_secrets
from simcrate.storage.base import JSON

LOCAL = StorageDefinition(
    name="Local storage", id="local", token="10.10.160.10:8976", config={"secret": "s" * 20}
)
SEAFILE = StorageDefinition(
    name="Seafile",
    id="seafile",
    config={"token": "t" * 40, "repoid": "r", "server": "https://seafile.example.org"},
)


def changed(definition: StorageDefinition, **config: JSON) -> StorageDefinition:
    """As somebody changes it who is shown no secrets."""
    shown = mask_secrets(definition)
    return replace(shown, config={**shown.config, **config})


@pytest.mark.parametrize(
    ("stored", "new", "moved"),
    [
        (SEAFILE, changed(SEAFILE, server="https://evil.example"), "'server' changed"),
        (SEAFILE, changed(SEAFILE, server=""), "'server' changed"),
        (LOCAL, replace(changed(LOCAL), token="evil.example:80"), "the backend token changed"),
        (LOCAL, changed(LOCAL, ca="/tmp/own.pem", tls=True), "'tls', 'ca' changed"),
        (SEAFILE, replace(changed(SEAFILE), id="dropbox"), "its kind changed"),
    ],
)
def test_a_stored_secret_is_not_kept_for_another_address(
    stored: StorageDefinition, new: StorageDefinition, moved: str
) -> None:
    with pytest.raises(DefinitionError, match="write their values again") as refused:
        keep_secrets(new, stored)
    assert moved in str(refused.value)


def test_every_secret_has_to_be_written_again() -> None:
    stored = replace(SEAFILE, config={**SEAFILE.config, "password": "p" * 20})
    new = changed(stored, server="https://new.example.org", token="n" * 40)

    with pytest.raises(DefinitionError, match="again: 'password'"):
        keep_secrets(new, stored)


def test_an_address_changes_with_its_secrets() -> None:
    moved = changed(SEAFILE, server="https://new.example.org", token="n" * 40)

    assert keep_secrets(moved, SEAFILE) == moved


def test_what_is_no_address_changes_and_keeps_the_secrets() -> None:
    kept = keep_secrets(changed(SEAFILE, directory="/other", server=UNMODIFIED), SEAFILE)

    assert kept.config == {**SEAFILE.config, "directory": "/other"}


def test_a_default_that_is_written_down_is_no_other_address() -> None:
    kept = keep_secrets(changed(LOCAL, tls=False, ca=""), LOCAL)

    assert kept.config["secret"] == LOCAL.config["secret"]


def test_a_definition_without_stored_secrets_moves_freely() -> None:
    opened = replace(LOCAL, config={})

    assert keep_secrets(replace(opened, token="new.example:80"), opened).token == "new.example:80"
