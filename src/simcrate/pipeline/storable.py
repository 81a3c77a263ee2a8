"""Texts of simulators, fit for databases: they keep no zero bytes, and no halves of surrogate pairs."""

from __future__ import annotations

from typing import Any


def storable(value: Any) -> Any:  # noqa: ANN401 - whatever JSON is made of
    """The same JSON value; in its texts, names included, stands a mark for what no database keeps."""
    match value:
        case str():
            return (
                value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
            )
        case dict():
            return {storable(key): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value
