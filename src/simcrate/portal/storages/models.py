"""Storage backends as administrators define them."""

from __future__ import annotations

from django.db import models

from simcrate.portal.storages.encrypted import EncryptedJSONField, EncryptedTextField
from simcrate.storage import StorageDefinition


class StorageBackend(models.Model):
    """One definition; `simcrate.storage.TAGS` maps its columns to the seven tags and their labels."""

    name = models.CharField("Backend name", max_length=200)
    identifier = models.CharField(
        "Backend identifier",
        max_length=100,
        unique=True,
        help_text="a registered kind: dropbox, seafile, local; for a second one dropbox:lab2",
    )
    token = EncryptedTextField("Backend token", blank=True)
    config = EncryptedJSONField("Backend config", blank=True, default=dict)
    keep_days = models.PositiveIntegerField(
        "Backend keep days", default=7, help_text="0 keeps crates for ever"
    )
    desc = models.TextField("Backend description", blank=True)
    active = models.BooleanField(
        "Backend active",
        default=True,
        help_text="users can choose it; deliveries under way go on without it, and one that was"
        " used cannot be deleted",
    )

    class Meta:
        verbose_name = "storage backend"
        verbose_name_plural = "Storage backends"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """As the identifier begins; what opens the storage backend is not needed to know it."""
        return self.identifier.partition(":")[0]

    def definition(self) -> StorageDefinition:
        """The definition as the storage library takes it; with its credentials.

        Raises:
            DefinitionError: the key is lost that they were encrypted with.
        """
        return StorageDefinition(
            name=self.name,
            id=self.identifier,
            token=self.token,
            config=self.config,
            keep_days=self.keep_days,
            desc=self.desc,
            active=self.active,
        )
