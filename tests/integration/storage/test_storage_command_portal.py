"""`simcrate storage` with this machine's portal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.db import connection

from simcrate.cli.storage import storage
from simcrate.errors import DefinitionError
from simcrate.storage import StorageDefinition, read_definitions, write_definitions

MARKED = "marked-secret-4711-hunter2"
LOCAL = StorageDefinition(
    name="Local storage", id="local", token="127.0.0.1:1", config={"secret": MARKED}, keep_days=7
)
SEAFILE = StorageDefinition(
    name="Seafile", id="seafile", config={"token": MARKED, "repoid": "r"}, active=True
)

pytestmark = pytest.mark.django_db


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(storage, [str(argument) for argument in arguments])


def write(folder: Path, *definitions: StorageDefinition, with_secrets: bool = True) -> Path:
    path = folder / "import.toml"
    path.write_text(write_definitions(definitions, "toml", with_secrets=with_secrets))
    return path


def exported(folder: Path) -> list[StorageDefinition]:
    run("export", "--with-secrets", "-o", folder / "export.json")
    return read_definitions(folder / "export.json")


def test_what_was_imported_is_exported_again(tmp_path: Path) -> None:
    result = run("import", write(tmp_path, LOCAL))

    assert result.output == "local: saved\n"
    assert exported(tmp_path) == [LOCAL]


def test_importing_another_address_without_its_secrets_is_refused(tmp_path: Path) -> None:
    run("import", write(tmp_path, LOCAL))
    moved = replace(LOCAL, token="evil.example:1")
    result = run("import", write(tmp_path, moved, with_secrets=False))

    assert isinstance(result.exception, DefinitionError)
    assert "write their values again: 'secret'" in str(result.exception)
    assert exported(tmp_path) == [LOCAL]


def test_importing_a_file_without_secrets_keeps_the_stored_ones(tmp_path: Path) -> None:
    run("import", write(tmp_path, LOCAL))
    result = run("import", write(tmp_path, LOCAL, with_secrets=False))

    assert result.output == "local: saved\n"
    assert exported(tmp_path) == [LOCAL]


def test_a_definition_that_cannot_be_used_yet_is_saved_inactive_with_the_reason(
    tmp_path: Path,
) -> None:
    result = run("import", write(tmp_path, SEAFILE))

    assert "seafile: saved, inactive: no server is known" in result.output
    assert [definition.active for definition in exported(tmp_path)] == [False]


def test_a_token_of_any_length_is_kept_whole(tmp_path: Path) -> None:
    long = StorageDefinition(name="Dropbox", id="dropbox", token="sl." + "x" * 2_000)
    run("import", write(tmp_path, long))

    assert exported(tmp_path) == [long]


def test_one_wrong_definition_keeps_all_of_a_file_out(tmp_path: Path) -> None:
    wrong = StorageDefinition(name="Wrong", id="local:wrong", token="http://x", config={})
    result = run("import", write(tmp_path, LOCAL, wrong))

    assert isinstance(result.exception, DefinitionError)
    assert "is a URL" in str(result.exception)
    assert exported(tmp_path) == []


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("show", "Local storage"),
        ("list", "Local storage"),
        ("export", "127.0.0.1:1"),
        ("check local", "authenticate"),
    ],
)
def test_a_secret_of_the_portal_is_shown_by_no_command(
    tmp_path: Path, command: str, says: str
) -> None:
    run("import", write(tmp_path, LOCAL))
    result = run(*command.split())

    assert says in result.output
    assert MARKED not in result.output


def test_a_secret_stands_in_no_column_in_clear(tmp_path: Path) -> None:
    run("import", write(tmp_path, LOCAL))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM storages_storagebackend")
        rows = cursor.fetchall()

    assert len(rows) == 1
    assert MARKED not in repr(rows)
