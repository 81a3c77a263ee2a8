"""The user of the portal, and the tokens that speak for one at the API.

The user is Django's own, as a model of ours from the first migration on.  Mail addresses and their
confirmation are allauth's (`allauth.account.models.EmailAddress`).
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now


class User(AbstractUser):
    """Somebody who submits simulations, or administers; addresses are confirmed by allauth."""


class Scope(models.TextChoices):
    """What a token may do."""

    READ = "read", "read simulations"
    WRITE = "write", "all that its owner may do with simulations and deliveries"


class ApiToken(models.Model):
    """A token of the API; only its SHA-256 is kept, so a copy of the database opens nothing.

    A plain digest is enough: tokens are 256 random bits, there is nothing to guess.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=5, choices=Scope.choices, default=Scope.READ)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="token_name_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.name
