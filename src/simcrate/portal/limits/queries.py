"""Which limits hold for a user."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import reduce
from uuid import UUID

from django.db.models import Q, Sum

from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.simulations.models import Run, Simulation
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
            "wall_time_min": "{:,} min for a run",
            "cpu_time_min": "{:,} min of CPU time for a run",
            "parallel_simulations": "simulations at a time: {:,}; others wait",
            "runs_per_simulation": "runs in one simulation: {:,}",
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


def why_no_more_storage(user: User, *, more_bytes: int = 0) -> str:
    """Why the user may store no other crate; empty: there is room.

    Args:
        user: whose crates count.
        more_bytes: how much would be added; 0: not known yet.
    """
    limit_mib = limits_of(user).storage_mib
    used_mib = (storage_used_bytes(user) + more_bytes) / _MIB if limit_mib else 0
    if used_mib <= limit_mib:
        return ""
    take = "would take" if more_bytes else "take"
    return (
        f"your crates {take} {used_mib:,.0f} MiB and your limit is {limit_mib:,} MiB: "
        "let some expire, or ask an administrator for more"
    )


def held_back() -> Q:
    """Simulations that may not start a run now: their owner has as many under way as allowed.

    Whoever has none under way is not held back, so that only the owners of running ones are looked at.
    """
    under_way = _under_way()
    most = _parallel_limits(under_way)
    full = [owner for owner, those in under_way.items() if 0 < most.get(owner, 0) <= len(those)]
    started = [simulation for owner in full for simulation in under_way[owner]]
    return Q(owner__in=full) & ~Q(pk__in=started)


def may_run_beside(run: Run) -> bool:
    """Whether the owner of a run that was just claimed may have its simulation under way as well.

    To be asked in the transaction of the claim: of workers that claim for one owner at once, the last one to
    be answered sees what the others have claimed.
    """
    owner = Simulation.objects.values_list("owner", flat=True).get(pk=run.simulation_id)
    most = _parallel_limits([owner]).get(owner, 0)
    if most == 0:
        return True
    User.objects.select_for_update(no_key=True).get(pk=owner)
    running = Run.objects.filter(state=RunState.RUNNING, simulation__owner=owner).exclude(pk=run.pk)
    under_way = set(running.order_by().values_list("simulation", flat=True))
    return run.simulation_id in under_way or len(under_way) < most


def _under_way() -> dict[int, set[UUID]]:
    """The simulations of each owner of which a run is running."""
    running = Run.objects.filter(state=RunState.RUNNING).order_by()
    owned: dict[int, set[UUID]] = defaultdict(set)
    for owner, simulation in running.values_list("simulation__owner", "simulation").distinct():
        owned[owner].add(simulation)
    return owned


def _parallel_limits(owners: Iterable[int]) -> dict[int, int]:
    """How many simulations each may have under way, as in `limits_of`; who is not there: any number."""
    rows = GroupLimits.objects.filter(group__user__in=list(owners))
    limits: dict[int, UserLimits] = {}
    for owner, most in rows.values_list("group__user", "parallel_simulations"):
        limit = UserLimits(parallel_simulations=most)
        limits[owner] = limits[owner] | limit if owner in limits else limit
    return {owner: limit.parallel_simulations for owner, limit in limits.items()}
