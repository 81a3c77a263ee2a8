"""The limits of a group of users."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models


class GroupLimits(models.Model):
    """What each member may use; 0 means unlimited.  Who is in several groups has the widest of each."""

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="limits")
    memory_mib = models.PositiveIntegerField(
        "memory (MiB)", default=0, help_text="of all processes of one run together"
    )
    disk_mib = models.PositiveIntegerField(
        "disk (MiB)", default=0, help_text="of the working directory of one run"
    )
    wall_time_min = models.PositiveIntegerField("time (minutes)", default=0, help_text="of one run")
    cpu_time_min = models.PositiveIntegerField(
        "CPU time (minutes)", default=0, help_text="of all processes of one run together"
    )
    parallel_simulations = models.PositiveIntegerField(
        default=0, help_text="others wait until one has ended"
    )
    runs_per_simulation = models.PositiveIntegerField(default=0)
    storage_mib = models.PositiveIntegerField(
        "storage (MiB)", default=0, help_text="of all crates that are kept"
    )

    class Meta:
        verbose_name_plural = "group limits"

    def __str__(self) -> str:
        return f"limits of {self.group}"
