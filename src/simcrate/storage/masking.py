"""Show definitions without their secrets, and take them back.

What is shown has `__unmodified__` where a secret is set; what comes back with `__unmodified__` keeps the
stored secret, unless it would be sent to another address then: who may change a definition is not shown its
secrets, and must not get them by naming a server of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from simcrate.errors import DefinitionError
from simcrate.secret import UNMODIFIED
from simcrate.storage.base import JSON, Option
from simcrate.storage.definition import StorageDefinition
from simcrate.storage.registry import backend_class


def mask_secrets(definition: StorageDefinition) -> StorageDefinition:
    """The same definition with `__unmodified__` for each secret that is set.

    Where the kind is not known here (its package is not installed) everything may be secret.
    """
    token_is_secret, names = _secret_places(definition)
    config = {
        name: UNMODIFIED if value != "" and (names is None or name in names) else value
        for name, value in definition.config.items()
    }
    token = UNMODIFIED if definition.token and token_is_secret else definition.token
    return replace(definition, token=token, config=config)


def keep_secrets(
    definition: StorageDefinition, stored: StorageDefinition | None
) -> StorageDefinition:
    """The definition with the stored secret wherever it says `__unmodified__`.

    Raises:
        DefinitionError: nothing is stored there, or it was stored for another address; names the places.
    """
    stored_config = stored.config if stored else {}
    stored_token = stored.token if stored else ""
    kept = _kept_places(definition)
    missing = [
        place for place in kept if not (place in stored_config if place else bool(stored_token))
    ]
    if missing:
        message = (
            f"the definition of '{definition.id}' keeps secrets that are not stored here:"
            f" {_named(missing)}; write their values"
        )
        raise DefinitionError(message)
    config = {
        name: stored_config[name] if value == UNMODIFIED else value
        for name, value in definition.config.items()
    }
    token = stored_token if definition.token == UNMODIFIED else definition.token
    complete = replace(definition, token=token, config=config)
    if stored:
        _refuse_moved([place for place in kept if _is_secret(stored, place)], complete, stored)
    return complete


def _kept_places(definition: StorageDefinition) -> list[str]:
    """Where it says `__unmodified__`: keys of the config; empty for the token."""
    token = [""] if definition.token == UNMODIFIED else []
    return [*token, *(name for name, value in definition.config.items() if value == UNMODIFIED)]


def _refuse_moved(
    secrets: Sequence[str], definition: StorageDefinition, stored: StorageDefinition
) -> None:
    """A stored secret goes to the address that it was stored for, or nowhere."""
    if secrets and (moved := _moved(definition, stored)):
        message = (
            f"the stored secrets of '{stored.id}' are for its old address, and {moved} changed;"
            f" write their values again: {_named(secrets)}"
        )
        raise DefinitionError(message)


def _moved(definition: StorageDefinition, stored: StorageDefinition) -> str:
    """What says where secrets are sent and is not what it was; empty: nothing."""
    if definition.kind != stored.kind:
        return "its kind"
    backend = backend_class(definition.kind)
    options = [option for option in backend.options if option.address]
    places = [
        option.name for option in options if _value(definition, option) != _value(stored, option)
    ]
    token = backend.token_option
    if token is not None and token.address and definition.token != stored.token:
        places.insert(0, "")
    return _named(places)


def _value(definition: StorageDefinition, option: Option) -> JSON:
    value = definition.config.get(option.name, "")
    return option.default if value == "" else value


def _named(places: Sequence[str]) -> str:
    return ", ".join(f"'{place}'" if place else "the backend token" for place in places)


def _is_secret(definition: StorageDefinition, place: str) -> bool:
    token_is_secret, names = _secret_places(definition)
    return token_is_secret if not place else names is None or place in names


def _secret_places(definition: StorageDefinition) -> tuple[bool, frozenset[str] | None]:
    """Whether the token is secret, and which config keys are; None: all."""
    try:
        backend = backend_class(definition.kind)
    except DefinitionError:
        return True, None
    undeclared = definition.config.keys() - {option.name for option in backend.options}
    secret = {option.name for option in backend.options if option.secret}
    token_is_secret = backend.token_option is None or backend.token_option.secret
    return token_is_secret, frozenset(secret | undeclared)
