"""A path parameter that takes everything, line breaks too, so that a handler can refuse it.

Importing this module makes `{name:raw}` known to Starlette, whose own `path` lets line breaks fall
through to other routes.
"""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class RawConvertor(Convertor[str]):
    """Any text."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The text itself."""
        return value

    def to_string(self, value: str) -> str:
        """The text itself."""
        return value


register_url_convertor("raw", RawConvertor())


def raw_rest(prefix: str, name: str) -> str:
    """A route's path: a prefix and everything behind it."""
    return f"{prefix}{{{name}:raw}}"
