"""The port of parts on rows."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from simcrate.errors import LeaseLostError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.queue.claims import LeasedRows
from simcrate.portal.queue.models import Part as PartRow
from simcrate.portal.queue.rows import reaching_rows
from simcrate.portal.queue.wake import wake, wake_others
from simcrate.portal.simulations.models import Run, Simulation
from simcrate.secret import Secret
from simcrate.worker.parts import Part
from simcrate.worker.port import Claim


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
            rows = PartRow.objects.filter(grant="", staged_at=None, run__state=RunState.RUNNING)
            return [_part(row) for row in rows.select_related("run").defer("run__log_tail")]

    def give(self, part: Part, grant: Secret) -> None:
        """Let whoever asked have it."""
        with reaching_rows():
            asked = PartRow.objects.filter(run=int(part.run_id), key=part.key, sha256=part.sha256)
            asked.filter(staged_at=None).update(grant=grant.reveal())

    def of_simulation(self, claim: Claim) -> list[Part]:
        """The staged parts of the finish that was claimed, without those of this machine.

        None for what this machine has packed before: it has all runs.
        """
        with reaching_rows():
            if self._has_packed(claim):
                return []
            rows = PartRow.objects.filter(
                run__simulation=claim.simulation_id, fence=F("run__fence")
            ).exclude(staged_at=None)
            elsewhere = rows.exclude(run__machine=self._machine).order_by("run__number")
            return [_part(row) for row in elsewhere.select_related("run").defer("run__log_tail")]

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
            parts = [_part(row) for row in rows.select_related("run").defer("run__log_tail")]
            rows.delete()
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
                state=RunState.QUEUED, reclaims=F("reclaims") + 1, outcome=None, percent=0
            )
            wake()


def _part(row: PartRow) -> Part:
    return Part(
        run_id=str(row.run_id),
        number=row.run.number,
        key=row.key,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
    )
