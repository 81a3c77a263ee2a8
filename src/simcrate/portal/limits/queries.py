"""Which limits hold for a user."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce

from django.db.models import Q, Sum

from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.simulations.models import Simulation
from simcrate.simulators.definition import Limits

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLimits:
    """What one user may use; 0 means unlimited."""

    memory_mib: int = 0
    disk_mib: int = 0
    wall_time_min: int = 0
    cpu_time_min: int = 0
    parallel_simulations: int = 0
    runs_per_simulation: int = 0
    storage_mib: int = 0

    def of_a_run(self) -> Limits:
        """As whoever follows a run takes them."""
        return Limits(
            memory_bytes=self.memory_mib * _MIB,
            disk_bytes=self.disk_mib * _MIB,
            wall_time_s=self.wall_time_min * 60,
            cpu_time_s=self.cpu_time_min * 60,
        )

    def sentences(self) -> list[str]:
        """The limits that there are, for people."""
        texts = {
            "memory_mib": "{:,} MiB of memory for a run",
            "disk_mib": "{:,} MiB on disk for a run",
            "wall_time_min": "{:,} minutes for a run",
            "cpu_time_min": "{:,} minutes of CPU time for a run",
            "parallel_simulations": "{:,} simulations at a time; others wait",
            "runs_per_simulation": "{:,} runs in one simulation",
            "storage_mib": "{:,} MiB of crates that are kept",
        }
        given = ((text, getattr(self, name)) for name, text in texts.items())
        return [text.format(value) for text, value in given if value]

    def __or__(self, other: UserLimits) -> UserLimits:
        """The wider of each."""
        names = [field.name for field in fields(self)]
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        return UserLimits(**{name: 0 if 0 in pair else max(pair) for name, pair in pairs.items()})


def limits_of(user: User) -> UserLimits:
    """The widest of the user's groups; unlimited for one without any."""
    rows = GroupLimits.objects.filter(group__user=user)
    names = [field.name for field in fields(UserLimits)]
    each = [UserLimits(**{name: getattr(row, name) for name in names}) for row in rows]
    return reduce(UserLimits.__or__, each) if each else UserLimits()


def storage_used_bytes(user: User) -> int:
    """What the user's crates take that are kept."""
    kept = Delivery.objects.filter(simulation__owner=user, removed_at=None, stored__isnull=False)
    return kept.aggregate(total=Sum("size_bytes"))["total"] or 0


def held_back() -> Q:
    """Simulations that may not start a run now: their owner has as many under way as allowed."""
    waiting = Q(pk__in=[])
    limited = User.objects.filter(groups__limits__parallel_simulations__gt=0).distinct()
    for user in limited:
        most = limits_of(user).parallel_simulations
        under_way = set(
            Simulation.objects.filter(owner=user, runs__state=RunState.RUNNING)
            .values_list("pk", flat=True)
            .distinct()
        )
        if 0 < most <= len(under_way):
            waiting |= Q(owner=user) & ~Q(pk__in=under_way)
    return waiting
