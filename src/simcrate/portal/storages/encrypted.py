"""Columns that are encrypted at rest with the keys of `var/secrets/field-keys`.

The file holds one Fernet key a line, newest first: the first encrypts, all decrypt (`MultiFernet`).  A
value that no key opens raises; it is never passed through.

A value is decrypted where it is asked for, not where its row is read: lists of what goes to a storage backend
need no secret of it, and one definition whose key is lost costs nobody else's page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from simcrate.errors import DefinitionError

KEY_FILE = "field-keys"

if TYPE_CHECKING:
    TextField = models.TextField[Any, Any]  # Django's is generic for type checkers only
else:
    TextField = models.TextField


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A value as the database has it."""

    ciphertext: str = field(repr=False)


class _Unsealing(DeferredAttribute):
    """The attribute of a row that holds such a value until it is asked for."""

    field: EncryptedTextField

    def __get__(self, row: models.Model | None, owner: type[models.Model] | None = None) -> Any:  # noqa: ANN401 - Django's signature
        value = super().__get__(row, owner)
        if row is not None and isinstance(value, _Sealed):
            value = self.field.unseal(value.ciphertext)
            self.__set__(row, value)
        return value

    def __set__(self, row: models.Model, value: Any) -> None:  # noqa: ANN401 - Django's signature
        row.__dict__[self.field.attname] = value


class EncryptedTextField(TextField):
    """A text that the database sees only encrypted."""

    descriptor_class = _Unsealing

    def get_prep_value(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """Encrypt on the way in."""
        return _fernet().encrypt(str(value or "").encode()).decode()

    def from_db_value(self, value: str | None, *_: object) -> Any:  # noqa: ANN401 - Django's signature
        """Leave it sealed on the way out."""
        return None if value is None else _Sealed(value)

    def unseal(self, ciphertext: str) -> Any:  # noqa: ANN401 - what the field holds
        """Decrypt it.

        Raises:
            DefinitionError: no key opens it.
        """
        return _decrypt(ciphertext)


class EncryptedJSONField(EncryptedTextField):
    """A JSON value that the database sees only encrypted."""

    def to_python(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """Forms and models hold the value itself, where a text field would make a text of it."""
        return value

    def get_prep_value(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        """Encrypt on the way in."""
        return super().get_prep_value(json.dumps(value or {}))

    def unseal(self, ciphertext: str) -> Any:  # noqa: ANN401 - any JSON value
        """Decrypt and parse it."""
        return json.loads(super().unseal(ciphertext))


def _decrypt(value: str) -> str:
    try:
        return _fernet().decrypt(value.encode()).decode()
    except InvalidToken as error:
        message = (
            "could not decrypt a stored secret: none of the keys in secrets/field-keys opens it; "
            "put the key back that was used when it was saved"
        )
        raise DefinitionError(message) from error


def _fernet() -> MultiFernet:
    lines = (settings.VAR_DIR / "secrets" / KEY_FILE).read_text().split()
    return MultiFernet([Fernet(line) for line in lines])
