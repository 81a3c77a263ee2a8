"""The user of the portal: Django's own, as a model of ours from the first migration on."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody who submits simulations, or administers; addresses are confirmed by allauth."""
