"""Run a storage backend's own check and keep what it found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from simcrate.errors import BadInputError, StorageError
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import storage_defaults
from simcrate.storage import Finding, open_backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the doctor found at one storage backend."""

    backend: StorageBackend
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether crates can be delivered there."""
        return all(finding.ok for finding in self.findings)


def examine(backend: StorageBackend) -> Diagnosis:
    """Try everything that a delivery needs; takes seconds, and writes and deletes a small file."""
    return Diagnosis(backend=backend, findings=tuple(_findings(backend)))


def _findings(backend: StorageBackend) -> Iterator[Finding]:
    try:
        with closing(open_backend(backend.definition(), defaults=storage_defaults())) as opened:
            yield from opened.check()
    except (BadInputError, StorageError) as error:
        yield Finding(step="open", ok=False, seen=str(error), todo="correct the definition")
