"""A storage backend as administrators define it: the seven tags.

The tags are the public vocabulary wherever a definition is written down or sent.  `TAGS` is the one
table that maps them to the attributes of `StorageDefinition` and to what the admin shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from simcrate.errors import DefinitionError
from simcrate.storage.base import JSON
from simcrate.storage.options import TYPE_NAMES, parse_config

MAX_KEEP_DAYS = 36_500  # a hundred years; whoever wants more wants 0, for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageDefinition:
    """One definition; `token` and `config` may hold credentials and stay out of its repr."""

    name: str
    id: str
    token: str = field(default="", repr=False)
    config: Mapping[str, JSON] = field(default_factory=dict, repr=False)
    keep_days: int = 0
    """0 = for ever."""
    desc: str = ""
    active: bool = True

    @property
    def kind(self) -> str:
        """The registered kind: the identifier up to its colon."""
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Tag:
    """One of the seven."""

    tag: str
    attribute: str
    label: str
    type: type = str


TAGS = (
    Tag("storage_backend", "name", "Backend name"),
    Tag("storage_backend_id", "id", "Backend identifier"),
    Tag("storage_backend_token", "token", "Backend token"),
    Tag("storage_backend_config", "config", "Backend config", dict),
    Tag("storage_backend_keep_days", "keep_days", "Backend keep days", int),
    Tag("storage_backend_desc", "desc", "Backend description"),
    Tag("storage_backend_active", "active", "Backend active", bool),
)
REQUIRED_TAGS = ("storage_backend", "storage_backend_id")


def definition_from_tags(table: Mapping[str, JSON]) -> StorageDefinition:
    """Read one definition in the words of the seven tags.

    `storage_backend_config` is a table or the JSON text of one.  Whether the options are those of the
    kind is for `check_definition` to say.

    Raises:
        DefinitionError: unknown or missing tags, wrong types, all at once; broken JSON in the config
            (with line and column).
    """
    faults = list(_tag_faults(table))
    if faults:
        message = f"this storage backend definition cannot be read: {'; '.join(faults)}"
        raise DefinitionError(message)
    values = {tag.attribute: table[tag.tag] for tag in TAGS if tag.tag in table}
    return StorageDefinition(**{**values, "config": parse_config(values.get("config", ""))})


def definition_to_tags(definition: StorageDefinition) -> dict[str, JSON]:
    """The seven tags of a definition, all of them, secrets included."""
    return {tag.tag: getattr(definition, tag.attribute) for tag in TAGS} | {
        "storage_backend_config": dict(definition.config)
    }


def _tag_faults(table: Mapping[str, JSON]) -> Iterator[str]:
    known = [tag.tag for tag in TAGS]
    for name in table:
        if name not in known:
            yield f"'{name}' is not a tag of a storage backend (those are {', '.join(known)})"
    for name in REQUIRED_TAGS:
        if not table.get(name):
            yield f"'{name}' is missing"
    for tag in TAGS:
        value = table.get(tag.tag, tag.type())
        if tag.type is dict:
            if not isinstance(value, str | Mapping):
                yield f"'{tag.tag}' must be a table or its JSON text"
        elif type(value) is not tag.type:  # bool is an int, and not meant by one
            yield f"'{tag.tag}' must be {TYPE_NAMES[tag.type]}"
        elif isinstance(value, int) and not 0 <= value <= MAX_KEEP_DAYS:
            yield f"'{tag.tag}' must be 0 (for ever) to {MAX_KEEP_DAYS} days"
