"""Where crates go: the interface of storage backends, their definitions and the built-in kinds."""

from __future__ import annotations

from simcrate.storage.base import (
    JSON,
    Abilities,
    Finding,
    Link,
    LinkPolicy,
    Option,
    OptionValue,
    SaveResume,
    ShowProgress,
    Source,
    Space,
    StorageBackend,
    StoredCrate,
)
from simcrate.storage.definition import (
    TAGS,
    StorageDefinition,
    Tag,
    definition_from_tags,
    definition_to_tags,
)
from simcrate.storage.definitions_file import (
    parse_definitions,
    read_definitions,
    write_definitions,
)
from simcrate.storage.masking import keep_secrets, mask_secrets
from simcrate.storage.opening import (
    NO_DEFAULTS,
    Defaults,
    check_definition,
    obstacles,
    open_backend,
)
from simcrate.storage.options import parse_config, validate_options
from simcrate.storage.patient import PatientBackends
from simcrate.storage.registry import (
    ENTRY_POINT_GROUP,
    KINDS,
    backend_class,
    known_kinds,
    validate_identifier,
)
from simcrate.storage.whereabouts import looked_for
from simcrate.storage.wrappers import Pace, RetryPolicy, with_pace, with_retries

__all__ = [
    "ENTRY_POINT_GROUP",
    "JSON",
    "KINDS",
    "NO_DEFAULTS",
    "TAGS",
    "Abilities",
    "Defaults",
    "Finding",
    "Link",
    "LinkPolicy",
    "Option",
    "OptionValue",
    "Pace",
    "PatientBackends",
    "RetryPolicy",
    "SaveResume",
    "ShowProgress",
    "Source",
    "Space",
    "StorageBackend",
    "StorageDefinition",
    "StoredCrate",
    "Tag",
    "backend_class",
    "check_definition",
    "definition_from_tags",
    "definition_to_tags",
    "keep_secrets",
    "known_kinds",
    "looked_for",
    "mask_secrets",
    "obstacles",
    "open_backend",
    "parse_config",
    "parse_definitions",
    "read_definitions",
    "validate_identifier",
    "validate_options",
    "with_pace",
    "with_retries",
    "write_definitions",
]
