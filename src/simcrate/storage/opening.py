"""From a definition to a backend that is ready to be used.

`defaults` are option values that apply where a definition has none, by kind: `{"seafile": {"server":
"https://seafile.example.org"}}`.  They come from the caller's settings; this package reads none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simcrate.errors import DefinitionError
from simcrate.storage.base import JSON, OptionValue, StorageBackend
from simcrate.storage.definition import MAX_KEEP_DAYS, StorageDefinition
from simcrate.storage.options import validate_options
from simcrate.storage.registry import backend_class, validate_identifier

Defaults = Mapping[str, Mapping[str, JSON]]
"""kind → option → value."""

NO_DEFAULTS: Defaults = MappingProxyType({})


def check_definition(definition: StorageDefinition, *, defaults: Defaults = NO_DEFAULTS) -> None:
    """Refuse a definition that is wrong in itself; nothing is asked of any server.

    What is right but not yet usable passes: see `obstacles`.

    Raises:
        DefinitionError: unknown kind, days that no calendar has; unknown, missing or mistyped options,
            all at once.
    """
    _validate(definition, defaults)


def obstacles(
    definition: StorageDefinition, *, defaults: Defaults = NO_DEFAULTS
) -> tuple[str, ...]:
    """Why a well-formed definition cannot be active yet, in sentences; empty when it can.

    Raises:
        DefinitionError: as `check_definition`.
    """
    backend, token, config = _validate(definition, defaults)
    return backend.obstacles(token, config)


def open_backend(
    definition: StorageDefinition, *, defaults: Defaults = NO_DEFAULTS
) -> StorageBackend:
    """The backend of a definition, bare: wrap it with `with_retries` where a person does not wait.

    Nothing is sent until a method is called.

    Raises:
        DefinitionError: the definition is wrong, or there are obstacles.
    """
    backend, token, config = _validate(definition, defaults)
    if reasons := backend.obstacles(token, config):
        message = f"the storage backend '{definition.id}' cannot be used yet: {'; '.join(reasons)}"
        raise DefinitionError(message)
    return backend(token=token, config=config)


def _validate(
    definition: StorageDefinition, defaults: Defaults
) -> tuple[type[StorageBackend], OptionValue, dict[str, OptionValue]]:
    kind = validate_identifier(definition.id)
    if not 0 <= definition.keep_days <= MAX_KEEP_DAYS:
        raise DefinitionError(f"keep days must be 0 (for ever) to {MAX_KEEP_DAYS}")
    backend = backend_class(kind)
    given = {name: value for name, value in definition.config.items() if value != ""}
    token, config = validate_options(backend, definition.token, {**defaults.get(kind, {}), **given})
    return backend, token, config
