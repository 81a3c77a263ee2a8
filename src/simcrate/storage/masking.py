"""Show definitions without their secrets, and take them back.

What is shown has `__unmodified__` where a secret is set; what comes back with `__unmodified__` keeps the
stored secret.
"""

from __future__ import annotations

from dataclasses import replace

from simcrate.errors import DefinitionError
from simcrate.secret import UNMODIFIED
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
        DefinitionError: nothing is stored there; names the places.
    """
    stored_config = stored.config if stored else {}
    stored_token = stored.token if stored else ""
    missing = [
        f"'{name}'"
        for name, value in definition.config.items()
        if value == UNMODIFIED and name not in stored_config
    ]
    if definition.token == UNMODIFIED and not stored_token:
        missing.insert(0, "the backend token")
    if missing:
        message = (
            f"the definition of '{definition.id}' keeps secrets that are not stored here:"
            f" {', '.join(missing)}; write their values"
        )
        raise DefinitionError(message)
    config = {
        name: stored_config[name] if value == UNMODIFIED else value
        for name, value in definition.config.items()
    }
    token = stored_token if definition.token == UNMODIFIED else definition.token
    return replace(definition, token=token, config=config)


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
