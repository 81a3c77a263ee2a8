"""Runs on their way from the machine that ran to the one that packs."""

from __future__ import annotations

from django.db import models


class Part(models.Model):
    """One run as one zip: asked for, granted, staged.  It counts while its fence is the run's."""

    run = models.OneToOneField("simulations.Run", on_delete=models.CASCADE, related_name="part")
    fence = models.PositiveIntegerField(help_text="of the attempt that made it")
    key = models.CharField(max_length=200)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    grant = models.CharField(
        max_length=200, blank=True, help_text="good for this key, size and digest, once"
    )
    staged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="part_wanting_a_grant",
                condition=models.Q(grant="", staged_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.key
