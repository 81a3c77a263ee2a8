"""Which kinds of storage backend there are.

Built-in kinds stand in `KINDS`; other packages register theirs in the entry-point group
`simcrate.storage` (name = kind, value = `package.module:Class`).  A kind's module, and with it a
vendor's SDK, is imported when the kind is asked for.
"""

from __future__ import annotations

import importlib
import re
from importlib.metadata import EntryPoint, entry_points

from simcrate.errors import DefinitionError
from simcrate.storage.base import StorageBackend

ENTRY_POINT_GROUP = "simcrate.storage"

KINDS = {
    "dropbox": "simcrate.storage.dropboxops:DropboxBackend",
    "seafile": "simcrate.storage.seafileops:SeafileBackend",
    "local": "simcrate.storage.localstoreops:LocalBackend",
}

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def known_kinds() -> tuple[str, ...]:
    """All kinds that a definition may name, built-in ones first.

    Raises:
        DefinitionError: two packages claim one kind.
    """
    return (*KINDS, *sorted(_plugins()))


def backend_class(kind: str) -> type[StorageBackend]:
    """The class of a kind, matched exactly.

    Raises:
        DefinitionError: no such kind (with the list of those that there are), or what registered it
            cannot be imported or is no storage backend.
    """
    target = KINDS.get(kind) or _plugin_target(kind)
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        message = f"the storage backend kind '{kind}' cannot be loaded; re-install the package that has it"
        raise DefinitionError(message, detail=f"{target}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, StorageBackend) and found.kind == kind):
        message = f"what is registered as '{kind}' is no storage backend of that kind"
        raise DefinitionError(message, detail=target)
    return found


def validate_identifier(identifier: str) -> str:
    """The kind in a `storage_backend_id`: a registered kind, for a second one `kind:label`.

    Raises:
        DefinitionError: the kind is unknown, or the label is empty or has other characters than
            letters, digits, `.`, `_` and `-` (64 at most).
    """
    kind, colon, label = identifier.partition(":")
    if kind not in KINDS and kind not in known_kinds():
        message = (
            f"the backend identifier '{identifier}' does not start with a known kind;"
            f" write one of {', '.join(known_kinds())}, or 'KIND:LABEL' for a second one"
        )
        raise DefinitionError(message)
    if colon and not _LABEL.fullmatch(label):
        message = (
            f"the label in the backend identifier '{identifier}' must be 1 to 64 letters, digits,"
            " '.', '_' or '-', and start with a letter or digit"
        )
        raise DefinitionError(message)
    return kind


def _plugin_target(kind: str) -> str:
    plugins = _plugins()
    if kind not in plugins:
        message = f"'{kind}' is no kind of storage backend; known kinds: {', '.join(known_kinds())}"
        raise DefinitionError(message)
    return plugins[kind].value


def _plugins() -> dict[str, EntryPoint]:
    plugins: dict[str, EntryPoint] = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        rival = plugins.get(entry.name)
        if entry.name in KINDS or (rival is not None and rival.value != entry.value):
            message = (
                f"the storage backend kind '{entry.name}' is registered twice;"
                " remove one of the packages that have it"
            )
            raise DefinitionError(message, detail=entry.value)
        plugins[entry.name] = entry
    return plugins
