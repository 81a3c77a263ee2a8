"""Pack a simulation again, with other parts, while what its runs left is still there.

Packing again is `finish` once more: the rows say that there is no crate yet, and the worker that has the run
directories makes one, for a delivery of its own.  Earlier deliveries stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import F

from simcrate.errors import BadInputError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.limits.queries import why_no_more_storage
from simcrate.portal.queue.wake import wake
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.parts import as_column, read_left_out
from simcrate.portal.storages.services import active_backends

TO_BE_PACKED_AGAIN: dict[str, Any] = {
    "packings": F("packings") + 1,
    "packed_at": None,
    "stage": "",
    "percent": 0,
    "retry_at": None,
    "attempts": 0,
    "disk_full": 0,
    "statistics_full": 0,
    "reclaims": 0,
}
"""Columns of a simulation that is to be finished once more."""


def repack_simulation(simulation: Simulation, *, left_out: Collection[str]) -> None:
    """Have a worker pack it again without these parts.

    Raises:
        SubmissionError: one of them is no part that can be left out.
        BadInputError: it cannot be packed again, is being packed, or the crate would have no place; says why.
    """
    parts = read_left_out(left_out)
    if reason := _why_no_place(simulation):
        raise BadInputError(f"could not pack '{simulation}' again: {reason}")
    with transaction.atomic():
        packable = Simulation.objects.filter(
            pk=simulation.pk, packed_at__isnull=False, run_dirs_removed_at=None
        )
        if not packable.update(left_out=as_column(parts), **TO_BE_PACKED_AGAIN):
            raise BadInputError(f"could not pack '{simulation}' again: {why_not(simulation)}")
        wake()


def why_not(simulation: Simulation) -> str:
    """Why it cannot be packed again; empty: it can."""
    row = Simulation.objects.get(pk=simulation.pk)
    if row.run_dirs_removed_at is not None:
        removed = f"{row.run_dirs_removed_at:%Y-%m-%d}"
        return f"what its runs left was removed from the worker on {removed}; run it again"
    if row.packed_at is not None:
        return ""
    if row.runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]).exists():
        return "its runs have not ended"
    if not row.runs.exclude(started_at=None).exists():
        return "none of its runs was started"
    return "it is being packed"


def _why_no_place(simulation: Simulation) -> str:
    if not active_backends().filter(pk=simulation.storage_id).exists():
        return "its storage backend is not active any more; deliver its crate again to another one"
    return why_no_more_storage(simulation.owner)
