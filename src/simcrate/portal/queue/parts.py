"""The port of parts on rows."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from simcrate.errors import LeaseLostError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.discarding import given_up, kept_undelivered
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.claims import LeasedRows
from simcrate.portal.queue.models import Part as PartRow
from simcrate.portal.queue.rows import reaching_rows
from simcrate.portal.queue.wake import wake, wake_others
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.secret import Secret
from simcrate.worker.parts import Part
from simcrate.worker.port import Claim

EXTENDED_AFTER = timedelta(days=7)
"""Most parts are gone by then; those that are not have three weeks left, should the server be away."""


class PartRows:
    """Implements `simcrate.worker.parts.PartsPort` for one worker process."""

    def __init__(self, *, owner: str, machine: str) -> None:
        self._machine = machine
        self._runs = LeasedRows(Run, owner, unclaimed={})
        self._simulations = LeasedRows(Simulation, owner, unclaimed={})

    def ask_grant(self, claim: Claim, *, number: int, size_bytes: int, sha256: str) -> Part:
        """A part of the run that was claimed is ready to be staged."""
        key = f"parts/{claim.simulation_id}/run-{number}-{claim.fence}.zip"
        with reaching_rows(), transaction.atomic():
            self._runs.renew(claim.id, claim.fence)
            row, _ = PartRow.objects.update_or_create(
                run_id=claim.id,
                defaults={
                    "fence": claim.fence,
                    "key": key,
                    "size_bytes": size_bytes,
                    "sha256": sha256,
                    "grant": "",
                    "staged_at": None,
                },
            )
        wake_others()
        return _part(row)

    def grant(self, claim: Claim) -> Secret | None:
        """The grant that was given, if it was."""
        with reaching_rows():
            row = PartRow.objects.filter(run=int(claim.id), fence=claim.fence).first()
        if row is None:
            message = "another worker has taken this work over"
            raise LeaseLostError(message, detail=f"part of run {claim.id}, fence {claim.fence}")
        return Secret(row.grant) if row.grant else None

    def staged(self, claim: Claim) -> None:
        """The part is on the staging local-cloud; the grant is used."""
        with reaching_rows(), transaction.atomic():
            self._runs.renew(claim.id, claim.fence)
            PartRow.objects.filter(run=int(claim.id), fence=claim.fence).update(
                staged_at=Now(), grant=""
            )

    def wanted(self) -> list[Part]:
        """Parts that wait for a grant."""
        with reaching_rows():
            return _parts(
                PartRow.objects.filter(grant="", staged_at=None, run__state=RunState.RUNNING)
            )

    def give(self, part: Part, grant: Secret) -> None:
        """Let whoever asked have it."""
        with reaching_rows():
            asked = PartRow.objects.filter(run=int(part.run_id), key=part.key, sha256=part.sha256)
            asked.filter(staged_at=None).update(grant=grant.reveal())

    def of_simulation(self, claim: Claim) -> list[Part]:
        """The staged parts of the finish that was claimed, without those of this machine.

        None for what this machine has packed before: it has all runs.
        """
        with reaching_rows(), transaction.atomic():
            self._simulations.renew(claim.id, claim.fence)
            if self._has_packed(claim):
                return []
            rows = PartRow.objects.filter(
                run__simulation=claim.simulation_id, fence=F("run__fence")
            ).exclude(staged_at=None)
            return _parts(rows.exclude(run__machine=self._machine).order_by("run__number"))

    def delivered(self, claim: Claim) -> list[Part]:
        """What was staged and is not needed any more, returned for the last time.

        None while another delivery of the crate is under way: its machine may be lost, too.  None where no
        crate was made: they are the only copy, and packing again starts from them.
        """
        with reaching_rows(), transaction.atomic():
            deliveries = Delivery.objects.filter(simulation=claim.simulation_id)
            if deliveries.filter(announced_at=None).exists() or not self._has_packed(claim):
                return []
            rows = PartRow.objects.filter(run__simulation=claim.simulation_id)
            parts = _parts(rows)
            rows.delete()
            return parts

    def needed_still(self) -> list[Part]:
        """What was staged a week ago or longer, and is the only copy, or may have to be packed once more."""
        with reaching_rows():
            return _parts(needed_parts().filter(staged_at__lte=Now() - EXTENDED_AFTER))

    def discarded(self) -> list[Part]:
        """What was staged of simulations whose owners have given them up, returned for the last time."""
        with reaching_rows(), transaction.atomic():
            rows = PartRow.objects.filter(given_up("run__simulation")).exclude(
                run__simulation__packed_at=None
            )
            parts = _parts(rows)
            PartRow.objects.filter(run__in=[part.run_id for part in parts]).delete()
            return parts

    def _has_packed(self, claim: Claim) -> bool:
        """Whether this machine has made a crate of the simulation: it has all its runs."""
        made_here = Delivery.objects.filter(simulation=claim.simulation_id, machine=self._machine)
        return made_here.exclude(sha256="").exists()

    def lost(self, claim: Claim, part: Part) -> None:
        """A staged part is gone or damaged: its run is queued again, and the finish waits for it."""
        with reaching_rows(), transaction.atomic():
            self._simulations.renew(claim.id, claim.fence)
            PartRow.objects.filter(run=int(part.run_id)).delete()
            Run.objects.filter(pk=part.run_id).update(
                state=RunState.QUEUED,
                reason="",
                reclaims=F("reclaims") + 1,
                outcome=None,
                percent=0,
            )
            wake()


def needed_parts() -> QuerySet[PartRow]:
    """What was staged and is the only copy, or may have to be packed once more."""
    is_its = Q(simulation=OuterRef("run__simulation"))
    is_to_be_packed = Q(run__simulation__packed_at=None)
    is_under_way = Exists(Delivery.objects.filter(is_its, announced_at=None))
    was_not_packed = Exists(kept_undelivered().filter(is_its, sha256=""))
    return PartRow.objects.filter(
        is_to_be_packed | is_under_way | was_not_packed, staged_at__isnull=False
    )


def _parts(rows: QuerySet[PartRow]) -> list[Part]:
    return [_part(row) for row in rows.select_related("run").defer("run__log_tail")]


def _part(row: PartRow) -> Part:
    return Part(
        run_id=str(row.run_id),
        number=row.run.number,
        key=row.key,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
    )
