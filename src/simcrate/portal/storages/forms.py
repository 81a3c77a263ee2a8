"""The admin's form of a storage backend: secrets go in and never come out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from simcrate.errors import DefinitionError
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.storages.services import reasons_against_use
from simcrate.secret import UNMODIFIED
from simcrate.storage import (
    StorageDefinition,
    keep_secrets,
    mask_secrets,
    parse_config,
    validate_identifier,
)
from simcrate.storage.definition import MAX_KEEP_DAYS

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[StorageBackend]  # Django's is generic for type checkers only
else:
    ModelForm = forms.ModelForm

WRITE_AGAIN = "or write the token and the config again"
KEEP_HINT = f"A secret that is set shows as {UNMODIFIED}; leave that to keep it."


class StorageBackendForm(ModelForm):
    """The seven fields; validated against what the kind declares."""

    token = forms.CharField(
        label="Backend token",
        required=False,
        strip=True,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=f"Where the kind wants one: a host:port for local, an access token. {KEEP_HINT}",
    )
    config = forms.CharField(
        label="Backend config",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=f'A JSON object such as {{"key": "value"}}. {KEEP_HINT}',
    )

    class Meta:
        model = StorageBackend
        fields = ["name", "identifier", "token", "config", "keep_days", "desc", "active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's signature
        backend: StorageBackend | None = kwargs.get("instance")
        self.lost = _forget_unreadable(backend) if backend else ""
        """Why the stored credentials cannot be read; empty: they can."""
        super().__init__(*args, **kwargs)
        self.obstacles: tuple[str, ...] = ()
        self._kind = self.instance.kind if self.instance.pk else ""
        self._stored = self.instance.definition() if self.instance.pk and not self.lost else None
        shown = mask_secrets(self._stored) if self._stored else None
        self.initial["token"] = shown.token if shown else ""
        config = dict(shown.config) if shown else {}
        self.initial["config"] = json.dumps(config, indent=2) if config else ""

    def clean_identifier(self) -> str:
        """Its kind is known, and stays what it is once crates went there."""
        identifier = str(self.cleaned_data["identifier"])
        try:
            kind = validate_identifier(identifier)
        except DefinitionError as error:
            raise forms.ValidationError(str(error)) from error
        if self._kind and kind != self._kind and self.instance.deliveries.exists():
            message = (
                f"crates were delivered through this definition as '{self._kind}'; "
                "make a new definition for another kind"
            )
            raise forms.ValidationError(message)
        return identifier

    def clean_keep_days(self) -> int:
        """A time that calendars reach."""
        keep_days = int(self.cleaned_data["keep_days"])
        if keep_days > MAX_KEEP_DAYS:
            message = f"at most {MAX_KEEP_DAYS} days; 0 keeps crates for ever"
            raise forms.ValidationError(message)
        return keep_days

    def clean_config(self) -> dict[str, Any]:
        """The JSON text as a table."""
        try:
            return parse_config(self.cleaned_data["config"])
        except DefinitionError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """The whole definition, with stored secrets in their places."""
        cleaned = super().clean() or self.cleaned_data
        if self.lost and not (cleaned.get("token") or cleaned.get("config")):
            self.add_error("config", self.lost)
        if not self.errors:
            try:
                self._accept(keep_secrets(self._definition(cleaned), self._stored))
            except DefinitionError as error:
                self.add_error("config", str(error))
        return cleaned

    def _accept(self, definition: StorageDefinition) -> None:
        reasons = reasons_against_use(definition)
        self.obstacles = reasons if definition.active else ()
        usable = replace(definition, active=definition.active and not reasons)
        self.cleaned_data.update(
            token=usable.token, config=dict(usable.config), active=usable.active
        )

    def _definition(self, cleaned: dict[str, Any]) -> StorageDefinition:
        return StorageDefinition(
            name=cleaned["name"],
            id=cleaned["identifier"],
            token=cleaned["token"],
            config=cleaned["config"],
            keep_days=cleaned["keep_days"],
            desc=cleaned["desc"],
            active=cleaned["active"],
        )


def _forget_unreadable(backend: StorageBackend) -> str:
    """Why the credentials cannot be read, which this copy of the row then has not; empty: they can."""
    try:
        backend.definition()
    except DefinitionError as error:
        backend.token, backend.config = "", {}
        return f"{error}, {WRITE_AGAIN}"
    return ""
