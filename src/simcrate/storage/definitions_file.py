"""Read and write definition files: TOML with `[[storage_backends]]` tables, or JSON.

JSON is a list of objects with the seven tags, or an object whose `storage_backends` is one.  What was
written reads back equal.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import tomli_w

from simcrate.errors import DefinitionError
from simcrate.storage.base import JSON
from simcrate.storage.definition import (
    StorageDefinition,
    definition_from_tags,
    definition_to_tags,
)
from simcrate.storage.masking import mask_secrets

TABLE = "storage_backends"

FileFormat = Literal["toml", "json"]


def read_definitions(path: Path) -> list[StorageDefinition]:
    """Read a definition file; its suffix says which format it is.

    Raises:
        DefinitionError: the file cannot be read or parsed (with line and column), or a definition is
            wrong (which one, and all that is wrong with it), or an identifier is there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DefinitionError(
            f"could not read '{path.name}': {reason}", detail=str(path)
        ) from error
    return parse_definitions(text, format_of(path), path.name)


def format_of(path: Path) -> FileFormat:
    """JSON for `.json`, else TOML."""
    return "json" if path.suffix.lower() == ".json" else "toml"


def parse_definitions(text: str, file_format: FileFormat, file: str) -> list[StorageDefinition]:
    """As `read_definitions`, from a text; `file` names it in errors."""
    definitions: list[StorageDefinition] = []
    faults: list[str] = []
    for number, table in enumerate(_tables(text, file_format, file), start=1):
        try:
            definitions.append(definition_from_tags(table))
        except DefinitionError as error:
            faults.append(f"{file}, definition {number}: {error}")
    identifiers = [definition.id for definition in definitions]
    twice = sorted({f"'{name}'" for name in identifiers if identifiers.count(name) > 1})
    if twice:
        faults.append(f"{file}: identifiers must be unique; there twice: {', '.join(twice)}")
    if faults:
        raise DefinitionError("\n".join(faults))
    return definitions


def write_definitions(
    definitions: Iterable[StorageDefinition], file_format: FileFormat, *, with_secrets: bool
) -> str:
    """The text of a definition file; without secrets it has `__unmodified__` in their places."""
    shown = definitions if with_secrets else map(mask_secrets, definitions)
    tables = [definition_to_tags(definition) for definition in shown]
    if file_format == "json":
        return json.dumps({TABLE: tables}, indent=2, ensure_ascii=False) + "\n"
    return tomli_w.dumps({TABLE: tables})


def _tables(text: str, file_format: FileFormat, file: str) -> list[dict[str, JSON]]:
    try:
        document = json.loads(text) if file_format == "json" else tomllib.loads(text)
    except json.JSONDecodeError as error:
        message = (
            f"{file} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        )
        raise DefinitionError(message) from None  # the cause holds the text, and that holds secrets
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{file} is not valid TOML: {error}") from None
    if isinstance(document, dict):
        if unknown := sorted(f"'{name}'" for name in document if name != TABLE):
            message = (
                f"{file}: {', '.join(unknown)} is not known at the top; write [[{TABLE}]] tables"
            )
            raise DefinitionError(message)
        document = document.get(TABLE)
    if not isinstance(document, list) or not all(isinstance(table, dict) for table in document):
        raise DefinitionError(f"{file} has no '{TABLE}': a list of tables with the seven tags")
    return document
