"""Which run directories of a machine are of no more use, by the rows.

A run directory is kept for some days after the crate was verified in its storage backend, so that it can be
packed again; one whose crate is nowhere yet is never let go, unless somebody has discarded it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    Subquery,
)
from django.db.models.functions import Now

from simcrate.delivery import DeliveryState
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.discarding import given_up
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Run, Simulation

VERIFIED = [DeliveryState.ANNOUNCED, DeliveryState.EXPIRING, DeliveryState.REMOVED]


def oldest_verified_first(
    simulation_ids: Collection[UUID], *, keep: timedelta
) -> list[tuple[UUID, bool]]:
    """Those of these simulations whose run directories may go, and whether it is time for that.

    What is being packed, or is on its way to a storage backend, may not.  What was given up is due at once.
    """
    deliveries = Delivery.objects.filter(simulation=OuterRef("pk"))
    verified = deliveries.filter(state__in=VERIFIED).order_by().values("simulation")
    rows = (
        Simulation.objects.filter(
            ~Exists(deliveries.filter(announced_at=None)),
            pk__in=simulation_ids,
            packed_at__isnull=False,
        )
        .annotate(verified_at=Subquery(verified.annotate(at=Max("announced_at")).values("at")))
        .filter(Q(verified_at__isnull=False) | given_up())
        .annotate(
            is_due=ExpressionWrapper(
                Q(verified_at__lte=Now() - keep) | given_up(), output_field=BooleanField()
            )
        )
        .order_by(F("verified_at").asc(nulls_first=True))
    )
    return list(rows.values_list("pk", "is_due"))


def let_go(simulation_id: UUID, *, machine: str) -> bool:
    """Write down that its run directories go; false when it is to be packed again instead.

    Only the machine that packs has all of them: those of others are copies.  True again for what an
    interrupted removal left.
    """
    row = Simulation.objects.filter(pk=simulation_id, packed_at__isnull=False)
    row.filter(machine=machine, run_dirs_removed_at=None).update(run_dirs_removed_at=Now())
    return row.exclude(machine=machine, run_dirs_removed_at=None).exists()


def without_runs_for(machine: str, simulation_ids: Collection[UUID]) -> list[UUID]:
    """Those of these simulations of which no run is left that this machine does or could be given."""
    here = Q(state=RunState.RUNNING, machine=machine)
    busy = Run.objects.filter(here | Q(state=RunState.QUEUED), simulation__in=simulation_ids)
    busy_ids = set(busy.values_list("simulation", flat=True).distinct())
    return [one for one in simulation_ids if one not in busy_ids]
