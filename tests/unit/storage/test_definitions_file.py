"""Definition files: what was written reads back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from simcrate.errors import DefinitionError
from simcrate.secret import UNMODIFIED
from simcrate.storage import (
    StorageDefinition,
    keep_secrets,
    parse_definitions,
    read_definitions,
    write_definitions,
)
from simcrate.storage.definitions_file import FileFormat

MARKED = "marked-secret-4711-hunter2"

LOCAL = StorageDefinition(
    name="Local storage",
    id="local",
    token="10.10.160.10:8976",
    config={"secret": MARKED, "tls": True},
    keep_days=7,
    desc='Two lines\nwith "quotes", ümlauts and \\ back-slashes',
    active=False,
)
DROPBOX = StorageDefinition(
    name="Dropbox OAuth2",
    id="dropbox:lab2",
    config={"app_key": "k", "app_secret": MARKED, "refresh_token": MARKED},
)
UNKNOWN = StorageDefinition(name="Tape", id="tape", token=MARKED, config={"key": MARKED})

FORMATS: list[FileFormat] = list(get_args(FileFormat))


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_was_written_with_secrets_reads_back_equal(
    tmp_path: Path, file_format: FileFormat
) -> None:
    path = tmp_path / f"backends.{file_format}"
    path.write_text(write_definitions([LOCAL, DROPBOX], file_format, with_secrets=True))

    assert read_definitions(path) == [LOCAL, DROPBOX]


@pytest.mark.parametrize("file_format", FORMATS)
def test_without_secrets_no_secret_is_written_and_the_stored_ones_are_kept(
    file_format: FileFormat,
) -> None:
    text = write_definitions([LOCAL, DROPBOX], file_format, with_secrets=False)
    read = parse_definitions(text, file_format, "backends")

    assert MARKED not in text
    assert UNMODIFIED in text
    assert [keep_secrets(new, old) for new, old in zip(read, [LOCAL, DROPBOX], strict=True)] == [
        LOCAL,
        DROPBOX,
    ]


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_address_of_a_local_backend_is_no_secret(file_format: FileFormat) -> None:
    assert "10.10.160.10:8976" in write_definitions([LOCAL], file_format, with_secrets=False)


@pytest.mark.parametrize("file_format", FORMATS)
def test_of_a_kind_that_is_not_installed_everything_is_secret(file_format: FileFormat) -> None:
    assert MARKED not in write_definitions([UNKNOWN], file_format, with_secrets=False)


def test_a_secret_that_is_not_stored_cannot_be_kept() -> None:
    (masked,) = parse_definitions(
        write_definitions([DROPBOX], "toml", with_secrets=False), "toml", "backends"
    )

    with pytest.raises(DefinitionError, match=r"'dropbox:lab2'.*'app_secret', 'refresh_token'"):
        keep_secrets(masked, None)


def test_the_config_may_be_the_json_text_of_one_in_toml() -> None:
    text = """
    [[storage_backends]]
    storage_backend = "Seafile"
    storage_backend_id = "seafile"
    storage_backend_config = '{"token": "ef3d0a5l8j7654omi", "repoid": "60v4"}'
    """
    (definition,) = parse_definitions(text, "toml", "backends.toml")

    assert definition.config == {"token": "ef3d0a5l8j7654omi", "repoid": "60v4"}


def test_json_may_be_a_bare_list() -> None:
    text = json.dumps([{"storage_backend": "L", "storage_backend_id": "local"}])

    assert parse_definitions(text, "json", "backends.json")[0].id == "local"


@pytest.mark.parametrize(
    ("text", "file_format", "place"),
    [
        ("[[storage_backends]]\nstorage_backend = \n", "toml", "line 2, column 19"),
        ('[{"storage_backend": }]', "json", "line 1, column 22"),
    ],
)
def test_a_broken_file_is_refused_with_line_and_column(
    text: str, file_format: FileFormat, place: str
) -> None:
    with pytest.raises(DefinitionError, match=place):
        parse_definitions(text, file_format, "backends")


def test_every_wrong_definition_is_named_by_its_number() -> None:
    tables = [{"storage_backend": "no id"}, {"storage_backend_id": "local"}]

    with pytest.raises(DefinitionError) as caught:
        parse_definitions(json.dumps(tables), "json", "backends.json")
    assert "backends.json, definition 1" in str(caught.value)
    assert "backends.json, definition 2" in str(caught.value)


def test_an_identifier_that_is_there_twice_is_refused() -> None:
    text = write_definitions([LOCAL, LOCAL], "toml", with_secrets=True)

    with pytest.raises(DefinitionError, match=r"unique.*'local'"):
        parse_definitions(text, "toml", "backends.toml")


@pytest.mark.parametrize("text", ["", "storage_backends = 7", "[storage_backends]\na = 1"])
def test_a_file_without_definitions_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="storage_backends"):
        parse_definitions(text, "toml", "backends.toml")


def test_a_misspelt_table_is_refused_by_name() -> None:
    with pytest.raises(DefinitionError, match="'storage_backend' is not known at the top"):
        parse_definitions("[[storage_backend]]\na = 1", "toml", "backends.toml")


def test_a_file_that_is_not_there_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(
        DefinitionError, match=r"could not read 'none\.toml': No such file"
    ) as caught:
        read_definitions(tmp_path / "none.toml")
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(DefinitionError, match="not UTF-8"):
        read_definitions(tmp_path / "b.toml")


def test_a_broken_file_keeps_its_secrets_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(f'[{{"storage_backend_token": "{MARKED}" oops}}]')

    with pytest.raises(DefinitionError) as caught:
        read_definitions(path)
    assert MARKED not in f"{caught.value}{caught.value.detail}{caught.value.__cause__!r}"
