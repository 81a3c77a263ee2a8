"""Columns that are encrypted at rest with the keys of `var/secrets/field-keys`.

The file holds one Fernet key a line, newest first: the first encrypts, all decrypt (`MultiFernet`).  A
value that no key opens raises; it is never passed through.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

KEY_FILE = "field-keys"

if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]  # Django's is generic for type checkers only
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """A text that the database sees only encrypted."""

    def get_prep_value(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """Encrypt on the way in."""
        return _fernet().encrypt(str(value or "").encode()).decode()

    def from_db_value(self, value: str | None, *_: object) -> Any:  # noqa: ANN401 - Django's signature
        """Decrypt on the way out."""
        return None if value is None else _decrypt(value)


class EncryptedJSONField(EncryptedTextField):
    """A JSON value that the database sees only encrypted."""

    def to_python(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """Forms and models hold the value itself, where a text field would make a text of it."""
        return value

    def get_prep_value(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """Encrypt on the way in."""
        return super().get_prep_value(json.dumps(value or {}))

    def from_db_value(self, value: str | None, *_: object) -> Any:  # noqa: ANN401 - Django's signature
        """Decrypt on the way out."""
        return None if value is None else json.loads(_decrypt(value))


def _decrypt(value: str) -> str:
    try:
        return _fernet().decrypt(value.encode()).decode()
    except InvalidToken as error:
        message = (
            "could not decrypt a stored secret: none of the keys in secrets/field-keys opens it; "
            "put the key back that was used when it was saved"
        )
        raise ImproperlyConfigured(message) from error


def _fernet() -> MultiFernet:
    lines = (settings.VAR_DIR / "secrets" / KEY_FILE).read_text().split()
    return MultiFernet([Fernet(line) for line in lines])
