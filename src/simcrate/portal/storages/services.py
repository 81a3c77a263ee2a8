"""Read and write definitions of storage backends, for the admin, the command line and the demo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from simcrate.errors import BadInputError
from simcrate.portal.storages.models import StorageBackend
from simcrate.storage import (
    Defaults,
    StorageDefinition,
    check_definition,
    keep_secrets,
    obstacles,
    open_backend,
)
from simcrate.storage import StorageBackend as OpenedBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A definition that was saved."""

    backend: StorageBackend
    obstacles: tuple[str, ...]
    """Why it was saved inactive though it was to be active; empty: nothing is in the way."""


def storage_defaults() -> Defaults:
    """Option values that the settings give to definitions that name none."""
    server = settings.ENVIRONMENT.seafile_server
    return {"seafile": {"server": server}} if server else {}


def list_definitions() -> list[StorageDefinition]:
    """All definitions, with their credentials, by name."""
    return [backend.definition() for backend in StorageBackend.objects.all()]


def get_definition(identifier: str) -> StorageDefinition:
    """One definition, with its credentials.

    Raises:
        BadInputError: there is none of that identifier; names those that there are.
    """
    return _get(identifier).definition()


def active_backends() -> QuerySet[StorageBackend]:
    """Those that users may choose."""
    return StorageBackend.objects.filter(active=True)


def open_storage(backend: StorageBackend) -> OpenedBackend:
    """Ready to be used while a person waits: nothing is retried.

    Raises:
        DefinitionError: the definition is wrong, or there are obstacles.
    """
    return open_backend(backend.definition(), defaults=storage_defaults())


def create_or_update(definition: StorageDefinition) -> Saved:
    """Save one definition under its identifier; `__unmodified__` keeps what is stored.

    What is right but not yet usable is saved inactive.

    Raises:
        DefinitionError: the definition is wrong in itself.
    """
    with transaction.atomic():
        known = StorageBackend.objects.select_for_update().filter(identifier=definition.id).first()
        complete = keep_secrets(definition, known.definition() if known else None)
        reasons = reasons_against_use(complete)
        usable = replace(complete, active=complete.active and not reasons)
        backend = _fill(known or StorageBackend(), usable)
        backend.save()
    return Saved(backend=backend, obstacles=reasons if definition.active else ())


def import_definitions(definitions: Iterable[StorageDefinition]) -> list[Saved]:
    """Save several definitions, or none of them.

    Raises:
        DefinitionError: one of them is wrong in itself.
    """
    with transaction.atomic():
        return [create_or_update(definition) for definition in definitions]


def reasons_against_use(definition: StorageDefinition) -> tuple[str, ...]:
    """Why a well-formed definition cannot be active yet.

    Raises:
        DefinitionError: the definition is wrong in itself.
    """
    check_definition(definition, defaults=storage_defaults())
    return obstacles(definition, defaults=storage_defaults())


def _fill(backend: StorageBackend, definition: StorageDefinition) -> StorageBackend:
    """Write a definition's values into a row, unsaved."""
    backend.name = definition.name
    backend.identifier = definition.id
    backend.token = definition.token
    backend.config = dict(definition.config)
    backend.keep_days = definition.keep_days
    backend.desc = definition.desc
    backend.active = definition.active
    return backend


def _get(identifier: str) -> StorageBackend:
    backend = StorageBackend.objects.filter(identifier=identifier).first()
    if backend is None:
        known = ", ".join(StorageBackend.objects.values_list("identifier", flat=True)) or "none"
        message = f"there is no storage backend '{identifier}'; defined are: {known}"
        raise BadInputError(message)
    return backend
