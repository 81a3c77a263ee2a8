"""Validate a definition's token and config against the options that its kind declares.

A config is a flat table; it is written as a TOML or JSON table, or as the JSON text of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from simcrate.errors import DefinitionError
from simcrate.secret import Secret
from simcrate.storage.base import JSON, Option, OptionValue, StorageBackend

TYPE_NAMES: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def parse_config(config: str | Mapping[str, JSON]) -> dict[str, JSON]:
    """Read a config: a table, or the JSON text of one; an empty text is an empty config.

    Raises:
        DefinitionError: broken JSON (with line and column), a key given twice, something else than a
            flat table of texts, numbers and true or false.  Never contains a value.
    """
    table = _parse_json(config) if isinstance(config, str) else config
    if not isinstance(table, Mapping):
        raise DefinitionError('the backend config must be a table such as {"key": "value"}')
    odd = [
        str(key) for key, value in table.items() if not isinstance(value, str | int | float | bool)
    ]
    if odd:
        message = (
            f"the backend config must be flat; not a text, a number, true or false: {_quoted(odd)}"
        )
        raise DefinitionError(message)
    return dict(table)


def validate_options(
    backend: type[StorageBackend], token: str, config: Mapping[str, JSON]
) -> tuple[OptionValue, dict[str, OptionValue]]:
    """Check token and config of a definition, all faults at once.

    Returns:
        The token (None: empty) and a config with every declared option: its value, its default, or
        None.  Secret ones are `Secret`s.

    Raises:
        DefinitionError: unknown, missing and mistyped options, by name and never by value, and what
            the kind itself finds wrong.
    """
    faults = [*_token_faults(backend, token), *_config_faults(backend, config)]
    if faults:
        raise _definition_error(backend, faults)
    clean_token = _clean(backend.token_option, token or None) if backend.token_option else None
    clean_config = {
        option.name: _clean(option, config.get(option.name)) for option in backend.options
    }
    faults = list(backend.faults(clean_token, clean_config))
    if faults:
        raise _definition_error(backend, faults)
    return clean_token, clean_config


def _parse_json(text: str) -> JSON:
    if not text.strip():
        return {}
    try:
        return json.loads(text, object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = (
            f"the backend config is not valid JSON: {error.msg} at line {error.lineno},"
            f" column {error.colno}"
        )
        raise DefinitionError(message) from None  # the cause holds the text, and that holds secrets


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DefinitionError(f"the backend config has a key twice: {_quoted(twice)}")
    return table


def _refuse_constant(name: str) -> NoReturn:
    raise DefinitionError(f"the backend config is not valid JSON: '{name}' is no JSON value")


def _token_faults(backend: type[StorageBackend], token: str) -> Iterator[str]:
    option = backend.token_option
    if option is None and token:
        yield "the backend token must be empty for this kind"
    if option is not None and option.required and not token:
        yield f"the backend token is missing ({option.help}{_such_as(option)})"


def _config_faults(backend: type[StorageBackend], config: Mapping[str, JSON]) -> Iterator[str]:
    declared = {option.name: option for option in backend.options}
    if unknown := sorted(config.keys() - declared.keys()):
        known = ", ".join(f"'{name}'" for name in declared) or "none"
        yield f"unknown in the backend config: {_quoted(unknown)} (known: {known})"
    for name, option in declared.items():
        value = config.get(name)
        if value is None or value == "":
            if option.required:
                yield f"'{name}' is missing in the backend config ({option.help})"
        elif type(value) is not option.kind:  # bool is an int, and not meant by one
            yield f"'{name}' in the backend config must be {TYPE_NAMES[option.kind]}{_such_as(option)}"


def _clean(option: Option, value: JSON) -> OptionValue:
    if value is None or value == "":
        value = option.default
    return Secret(value) if option.secret and isinstance(value, str) else value


def _definition_error(backend: type[StorageBackend], faults: list[str]) -> DefinitionError:
    return DefinitionError(f"this {backend.title} definition cannot be used: " + "; ".join(faults))


def _such_as(option: Option) -> str:
    return f", such as {option.example}" if option.example and not option.secret else ""


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
