"""Secrets as a type, and the scrubbing of known secrets from log lines.

A `Secret` prints as `[secret]` and refuses every way out but `reveal()`: it cannot be pickled, copied,
hashed, compared to a string or put into JSON.  `ScrubbingFormatter` is the second wall: it replaces the
exact values of all secrets alive in this process, and their percent-encoded and Base64 forms, in
finished log lines, tracebacks included.  Values under 8 characters are not scrubbed: they would hit
ordinary words.
"""

from __future__ import annotations

import base64
import hmac
import logging
import weakref
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import quote

MASK = "[secret]"
UNMODIFIED = "__unmodified__"  # what forms and exports show for a secret that is set
SCRUB_FROM_LENGTH = 8


class Secret:
    """A credential; only `reveal()` gives its value."""

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        _alive.add(self)

    def reveal(self) -> str:
        """The value itself, for the one place that sends it to whoever it is meant for."""
        return self._value

    def matches(self, other: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._value.encode(), other.encode())

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets apart from others

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        message = "a secret cannot be pickled or copied"
        raise TypeError(message)


class ScrubbingFormatter(logging.Formatter):
    """Writes an event with its fields, and leaves no known secret in the finished line.

    Control characters are escaped: a field may hold a user's text, and must not forge a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The finished line, with its traceback, scrubbed."""
        return scrub(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line without a traceback: message and fields."""
        fields = (item for item in vars(record).items() if item[0] not in _RECORD_ATTRIBUTES)
        text = " ".join(f"{name}={value}" for name, value in fields)
        line = f"{super().formatMessage(record)} {text}" if text else super().formatMessage(record)
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


_RECORD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime"}


def scrub(text: str) -> str:
    """Replace every known secret in a text."""
    for secret in _alive:
        for form in _forms(secret.reveal()):
            text = text.replace(form, MASK)
    return text


def _forms(value: str) -> list[str]:
    if len(value) < SCRUB_FROM_LENGTH:
        return []
    return [value, quote(value, safe=""), base64.b64encode(value.encode()).decode()]


class _LivingSecrets:
    """Secrets that are alive; keyed by identity, since secrets have no hash."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[Secret]] = {}

    def add(self, secret: Secret) -> None:
        key = id(secret)
        self._references[key] = weakref.ref(secret, lambda _: self._references.pop(key, None))

    def __iter__(self) -> Iterator[Secret]:
        for reference in list(self._references.values()):
            if (secret := reference()) is not None:
                yield secret


_alive = _LivingSecrets()
