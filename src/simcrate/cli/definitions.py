"""Storage backends for commands: from a definition file, or from this machine's portal."""

from __future__ import annotations

from pathlib import Path

from simcrate.errors import BadInputError
from simcrate.storage import Defaults, StorageDefinition, read_definitions


def defined_backends(file: Path | None) -> list[StorageDefinition]:
    """All definitions of a file, or of the portal where there is none."""
    if file is not None:
        return read_definitions(file)
    from simcrate.cli.portal import use_portal

    use_portal()
    from simcrate.portal.storages.services import list_definitions

    return list_definitions()


def find_definition(file: Path | None, identifier: str) -> StorageDefinition:
    """One of them.

    Raises:
        BadInputError: there is none of that identifier; names those that there are.
    """
    definitions = defined_backends(file)
    for definition in definitions:
        if definition.id == identifier:
            return definition
    known = ", ".join(definition.id for definition in definitions) or "none"
    where = f" in {file.name}" if file else ""
    raise BadInputError(f"there is no storage backend '{identifier}'{where}; defined are: {known}")


def option_defaults() -> Defaults:
    """What `SIMCRATE_SEAFILE_SERVER` gives to definitions that name no server."""
    from simcrate.portal.environment import read_environment

    server = read_environment().seafile_server
    return {"seafile": {"server": server}} if server else {}
