"""The seven tags."""

from __future__ import annotations

from typing import Any

import pytest

from simcrate.errors import DefinitionError
from simcrate.storage import (
    StorageDefinition,
    check_definition,
    definition_from_tags,
    definition_to_tags,
    open_backend,
)

LOCAL = {
    "storage_backend": "Local storage",
    "storage_backend_id": "local",
    "storage_backend_token": "10.10.160.10:8976",
}


def test_tags_that_are_not_given_have_their_defaults() -> None:
    definition = definition_from_tags(LOCAL)

    assert definition == StorageDefinition(
        name="Local storage", id="local", token="10.10.160.10:8976"
    )
    assert (definition.keep_days, definition.desc, definition.active) == (0, "", True)


def test_the_kind_is_the_identifier_up_to_its_colon() -> None:
    assert definition_from_tags({**LOCAL, "storage_backend_id": "local:attic"}).kind == "local"


def test_a_definition_written_as_tags_reads_back_equal() -> None:
    definition = definition_from_tags({**LOCAL, "storage_backend_config": {"tls": True}})

    assert definition_from_tags(definition_to_tags(definition)) == definition


def test_all_faults_are_named_at_once() -> None:
    table: dict[str, Any] = {
        "storage_backend_id": "local",
        "storage_backend_active": "yes",
        "storage_backend_keep_days": -1,
        "storage_backend_config": 7,
        "storage_backend_colour": "red",
    }
    with pytest.raises(DefinitionError) as caught:
        definition_from_tags(table)

    for tag in [*table.keys() - {"storage_backend_id"}, "storage_backend"]:
        assert f"'{tag}'" in str(caught.value)


@pytest.mark.parametrize("keep_days", [-1, 1.5, "7", True, None, 36_501])
def test_keep_days_are_whole_days_up_to_a_century(keep_days: object) -> None:
    with pytest.raises(DefinitionError, match="keep_days"):
        definition_from_tags({**LOCAL, "storage_backend_keep_days": keep_days})


@pytest.mark.parametrize("keep_days", [-1, 36_501, 2**31])
def test_a_definition_with_days_that_no_calendar_has_is_refused(keep_days: int) -> None:
    definition = StorageDefinition(name="L", id="local", token="h:1", keep_days=keep_days)

    with pytest.raises(DefinitionError, match="keep days must be"):
        check_definition(definition)


@pytest.mark.parametrize("tag", ["storage_backend", "storage_backend_id"])
def test_a_definition_needs_name_and_identifier(tag: str) -> None:
    with pytest.raises(DefinitionError, match=f"'{tag}' is missing"):
        definition_from_tags({**LOCAL, tag: ""})


def test_a_definition_does_not_show_its_credentials() -> None:
    definition = StorageDefinition(name="n", id="local", token="tok", config={"secret": "s3"})

    assert "tok" not in repr(definition)
    assert "s3" not in repr(definition)


def test_defaults_fill_what_a_definition_has_not() -> None:
    definition = definition_from_tags(LOCAL)

    with pytest.raises(DefinitionError, match="must be true or false"):
        check_definition(definition, defaults={"local": {"tls": "no boolean"}})


def test_a_definition_goes_before_defaults() -> None:
    definition = definition_from_tags({**LOCAL, "storage_backend_config": {"tls": False}})

    check_definition(definition, defaults={"local": {"tls": "no boolean"}})


def test_a_definition_with_obstacles_does_not_open() -> None:
    config = {"token": "a" * 40, "repoid": "b"}
    definition = StorageDefinition(name="Seafile", id="seafile", config=config)

    with pytest.raises(DefinitionError, match=r"cannot be used yet: .*server"):
        open_backend(definition)
