"""The worker's port on the portal's rows."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from simcrate.crate import Choice
from simcrate.delivery import DeliveryState
from simcrate.errors import (
    DiskFullError,
    LeaseLostError,
    SimCrateError,
    StatisticsFullError,
)
from simcrate.pipeline.finishjob import Finish
from simcrate.pipeline.jobs import (
    PackedSimulation,
    Progress,
    RunOutcome,
    RunSpec,
    RunState,
    Submission,
)
from simcrate.pipeline.place import spool_path
from simcrate.portal.accounts.queries import mail_address
from simcrate.portal.deliveries.ledger import RowLedger
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.queries import limits_of, may_run_beside
from simcrate.portal.queue.candidates import claimable_runs, deliverable, finishable
from simcrate.portal.queue.claims import LeasedRows
from simcrate.portal.queue.columns import outcome_of, run_progress, sent, stage_progress
from simcrate.portal.queue.lease import MAX_RECLAIMS, Leased
from simcrate.portal.queue.messages import has_engine, send_missing
from simcrate.portal.queue.retries import bring_retries_back
from simcrate.portal.queue.rows import leave_rows, reaching_rows
from simcrate.portal.queue.settling import (
    UNSERVED_AFTER_S,
    fail_unserved_runs,
    settle_freed_runs,
)
from simcrate.portal.queue.sightings import Clock, Sightings
from simcrate.portal.queue.wake import wake_others
from simcrate.portal.simulations.models import Run, Simulation, SubmittedFile
from simcrate.portal.simulations.problems import problems_of
from simcrate.portal.simulations.queries import tally_runs
from simcrate.portal.simulators.services import all_simulators, get_simulator
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import alive_workers, offers
from simcrate.portal.workers.services import forget_gone_workers
from simcrate.simulators.definition import Limits, Simulator
from simcrate.storage import StorageDefinition
from simcrate.worker.port import Claim, Recipient, WorkerFacts, WorkKind

log = logging.getLogger(__name__)

PACK_RETRY_S = 60.0
LONGEST_PACK_RETRY_S = 3600.0
PACK_TRIES = 5
FULL_DISK_TRIES = 78
"""Some three days, as for a storage backend that has no space."""
STATISTICS_FULL_TRIES = 3
"""What they write takes space from everybody else's runs meanwhile."""


class RowsPort:
    """Implements `simcrate.worker.port.WorkerPort` for one worker process."""

    def __init__(
        self,
        *,
        owner: str,
        machine: str,
        has_staging: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        """With `has_staging`, a machine can pack what others ran; `clock` never jumps."""
        self._owner = owner
        self._machine = machine
        self._has_staging = has_staging
        self._runs = LeasedRows(Run, owner, unclaimed={"state": RunState.QUEUED}, clock=clock)
        self._simulations = LeasedRows(
            Simulation, owner, unclaimed={"packed_at": None}, clock=clock
        )
        self._deliveries = LeasedRows(
            Delivery, owner, unclaimed={"spool_released_at": None}, clock=clock
        )
        self._unserved = Sightings[uuid.UUID](clock, lasting_s=UNSERVED_AFTER_S)
        self._gone = Sightings[tuple[str, datetime]](clock)

    def show(self, facts: WorkerFacts) -> bool:
        """Be seen; true when this worker is asked to drain."""
        columns = {**asdict(facts), "tags": " ".join(sorted(facts.tags)), "seen_at": Now()}
        with reaching_rows():
            row, _ = Worker.objects.update_or_create(
                owner=self._owner, defaults={"machine": self._machine, **columns}
            )
            return row.is_draining

    def recover(self, is_alive: Callable[[str], bool]) -> int:
        """Free what dead workers of this machine and expired leases of any machine hold."""

        def is_dead(owner: str) -> bool:
            return owner.startswith(f"{self._machine}/") and not is_alive(owner)

        with reaching_rows(), transaction.atomic():
            freed = self._runs.free_lost(is_dead, state=RunState.QUEUED, reason="")
            freed += self._simulations.free_lost(is_dead) + self._deliveries.free_lost(is_dead)
            settle_freed_runs()
            fail_unserved_runs(self._machine, self._unserved)
            bring_retries_back()
            forget_gone_workers(self._gone)
            return freed

    def claim(self, kinds: Collection[WorkKind]) -> Claim | None:
        """Take one piece of work of these kinds, or nothing; what is nearest to a user first."""
        takers = {
            WorkKind.DELIVERY: self._claim_delivery,
            WorkKind.FINISH: self._claim_finish,
            WorkKind.RUN: self._claim_run,
        }
        with reaching_rows():
            for kind, take in takers.items():
                if kind in kinds and (claim := take()):
                    return claim
        return None

    def claim_run(self, run_id: str) -> Claim | None:
        """Take exactly this run, or nothing."""
        with reaching_rows():
            return self._claim_one_of(self._servable_runs().filter(pk=run_id))

    def _claim_run(self) -> Claim | None:
        return self._claim_one_of(self._servable_runs())

    def _servable_runs(self) -> QuerySet[Run]:
        return claimable_runs().filter(simulation__simulator__in=self.offered())

    def _claim_one_of(self, runs: QuerySet[Run]) -> Claim | None:
        run = self._runs.claim(
            runs,
            admits=may_run_beside,
            state=RunState.RUNNING,
            machine=self._machine,
            started_at=Now(),
            percent=0,
        )
        if run is None:
            return None
        return replace(self._claimed(WorkKind.RUN, run.simulation_id, run), run_number=run.number)

    def offered(self) -> tuple[str, ...]:
        """The names of the simulators whose runs this machine can be given, sorted."""
        with reaching_rows():
            worker = alive_workers().filter(machine=self._machine).order_by("-started_at").first()
            return tuple(
                sorted(
                    simulator.name
                    for simulator in all_simulators()
                    if simulator.is_ours or (worker is not None and offers(worker, simulator))
                )
            )

    def remind(self) -> None:
        """Tell the queue engine again of runs whose messages were lost."""
        if has_engine():
            with reaching_rows():
                send_missing()

    def _claim_finish(self) -> Claim | None:
        candidates = finishable(self._machine, has_staging=self._has_staging)
        simulation = self._simulations.claim(candidates, machine=self._machine)
        return self._claimed(WorkKind.FINISH, simulation.pk, simulation) if simulation else None

    def _claim_delivery(self) -> Claim | None:
        delivery = self._deliveries.claim(deliverable(self._machine))
        if delivery is None:
            return None
        return self._claimed(WorkKind.DELIVERY, delivery.simulation_id, delivery)

    def _claimed(self, kind: WorkKind, simulation_id: uuid.UUID, row: Leased) -> Claim:
        return Claim(
            kind=kind,
            id=str(row.pk),
            simulation_id=simulation_id,
            owner=self._owner,
            fence=row.fence,
        )

    def beat(self, beats: Mapping[Claim, Progress | None]) -> Collection[Claim]:
        """Renew these leases and show progress where there is any; returns the claims that are lost."""
        with reaching_rows():
            try:
                return self._renew_all(beats)
            except (DataError, IntegrityError, OverflowError):
                # a number that no column takes must not cost anybody's lease
                log.exception("progress.not_shown")
                return self._renew_all(dict.fromkeys(beats))

    def _renew_all(self, beats: Mapping[Claim, Progress | None]) -> list[Claim]:
        with transaction.atomic():
            return [claim for claim, progress in beats.items() if not self._renew(claim, progress)]

    def _renew(self, claim: Claim, progress: Progress | None) -> bool:
        try:
            match claim.kind:
                case WorkKind.RUN:
                    self._runs.renew(claim.id, claim.fence, **run_progress(progress))
                case WorkKind.FINISH:
                    self._simulations.renew(claim.id, claim.fence, **stage_progress(progress))
                case WorkKind.DELIVERY:
                    self._deliveries.renew(claim.id, claim.fence, **sent(progress))
        except LeaseLostError:
            return False
        return True

    def asked_ends(self, simulation_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, RunState]:
        """Those of the simulations whose end was asked for, and what their runs end as."""
        with reaching_rows():
            asked = Simulation.objects.filter(pk__in=simulation_ids)
            ends = asked.exclude(cancel_requested_at=None).values_list("pk", "ends_as")
            return {key: RunState(ends_as) for key, ends_as in ends}

    def leave(self) -> None:
        """This thread calls no more."""
        leave_rows()

    def release(self, claim: Claim) -> None:
        """Give unfinished work back, to be claimed by anybody."""
        with reaching_rows():
            match claim.kind:
                case WorkKind.RUN:
                    self._runs.end(claim.id, claim.fence, state=RunState.QUEUED, reason="")
                case WorkKind.FINISH:
                    self._simulations.end(claim.id, claim.fence)
                case WorkKind.DELIVERY:
                    self._deliveries.end(claim.id, claim.fence)

    def submission(self, claim: Claim) -> Submission:
        """What the claim belongs to."""
        with reaching_rows():
            row = Simulation.objects.select_related("owner").get(pk=claim.simulation_id)
        return Submission(
            id=row.pk,
            title=row.title,
            simulator=row.simulator,
            ini_name=row.ini_name,
            config=row.config,
            run_filter=row.run_filter,
            precision_s=row.precision_s,
            submitter=row.owner.get_full_name() or row.owner.get_username(),
            licence=row.licence,
            submitted_at=row.created_at,
            left_out=frozenset(Choice(name) for name in row.left_out),
        )

    def fetch_inputs(self, claim: Claim, directory: Path) -> None:
        """Write the submitted files into an empty directory."""
        with reaching_rows():
            for file in SubmittedFile.objects.filter(simulation=claim.simulation_id).iterator(1):
                (directory / file.name).write_bytes(file.content)

    def run_spec(self, claim: Claim) -> RunSpec:
        """The run that was claimed."""
        with reaching_rows():
            row = Run.objects.get(pk=claim.id)
        return RunSpec(number=row.number, itervars=row.itervars, repetition=row.repetition)

    def simulator(self, claim: Claim) -> Simulator:
        """The simulator of the run that was claimed."""
        with reaching_rows():
            return get_simulator(Simulation.objects.get(pk=claim.simulation_id).simulator)

    def limits(self, claim: Claim) -> Limits:
        """What a run of this user may use."""
        with reaching_rows():
            simulation = Simulation.objects.select_related("owner").get(pk=claim.simulation_id)
            return limits_of(simulation.owner).of_a_run()

    def end_run(self, claim: Claim, outcome: RunOutcome, last: Progress | None = None) -> None:
        """The run has ended; the claim ends with it.  `last` is progress that was not shown yet."""
        with reaching_rows():
            self._runs.end(
                claim.id,
                claim.fence,
                **{
                    **run_progress(last),
                    "state": outcome.state,
                    "reason": outcome.reason,
                    "outcome": outcome.to_json(),
                    "event_count": outcome.event_count,
                    "sim_time_s": outcome.sim_time_s,
                    "ended_at": Now(),
                    **({"percent": 100} if outcome.state is RunState.COMPLETED else {}),
                },
            )
            wake_others()

    def finish_job(self, claim: Claim) -> Finish:
        """The finish that was claimed."""
        submission = self.submission(claim)
        with reaching_rows():
            row = Simulation.objects.select_related("storage").get(pk=claim.simulation_id)
            outcomes = tuple(outcome_of(run) for run in row.runs.defer("log_tail"))
        return Finish(
            submission=submission,
            outcomes=outcomes,
            delivery_id=_delivery_id(row),
            is_careful=(
                row.reclaims > MAX_RECLAIMS
                or row.statistics_full >= STATISTICS_FULL_TRIES
                or row.disk_full >= FULL_DISK_TRIES - 1
            ),
        )

    def packed(self, claim: Claim, packed: PackedSimulation) -> None:
        """The crate is in the spool: its delivery exists from now on; the claim ends."""
        with reaching_rows(), transaction.atomic():
            self._simulations.end(
                claim.id,
                claim.fence,
                packed_at=Now(),
                stage="",
                summary=dict(packed.summary),
                problems=list(packed.problems),
            )
            row = Simulation.objects.select_related("storage").get(pk=claim.id)
            Delivery.objects.create(
                id=packed.delivery_id,
                simulation=row,
                storage=row.storage,
                machine=self._machine,
                file_name=packed.file_name,
                size_bytes=packed.size_bytes,
                sha256=packed.sha256,
                keep_days=row.storage.keep_days,
            )

    def not_packed(self, claim: Claim, error: SimCrateError) -> None:
        """No crate this time: tried again later, and after some tries announced as failed."""
        count, tries = _patience(error)
        with reaching_rows(), transaction.atomic():
            row = Simulation.objects.select_related("storage").get(pk=claim.id)
            before = getattr(row, count)
            if before + 1 < tries:
                wait_s = min(PACK_RETRY_S * 2**before, LONGEST_PACK_RETRY_S)
                self._simulations.end(
                    claim.id,
                    claim.fence,
                    **{count: before + 1},
                    problems=[str(error)],
                    retry_at=Now() + timedelta(seconds=wait_s),
                )
                return
            self._simulations.end(claim.id, claim.fence, packed_at=Now(), problems=[str(error)])
            Delivery.objects.create(
                id=_delivery_id(row),
                simulation=row,
                storage=row.storage,
                state=DeliveryState.FAILED,
                machine=self._machine,
                keep_days=row.storage.keep_days,
                error=str(error),
                error_code=error.code,
            )

    def ledger(self, claim: Claim) -> RowLedger:
        """The ledger of the delivery that was claimed."""
        with reaching_rows():
            file_name = Delivery.objects.values_list("file_name", flat=True).get(pk=claim.id)
        crate_path = spool_path(settings.VAR_DIR, uuid.UUID(claim.id), file_name)
        return RowLedger(self._deliveries, claim.id, claim.fence, crate_path)

    def storage_definition(self, claim: Claim) -> StorageDefinition:
        """Where the delivery goes, with credentials."""
        with reaching_rows():
            delivery = Delivery.objects.select_related("storage").get(pk=claim.id)
        return delivery.storage.definition()

    def recipient(self, claim: Claim) -> Recipient:
        """Whom to tell of the delivery."""
        with reaching_rows():
            delivery = Delivery.objects.get(pk=claim.id)
            simulation = Simulation.objects.select_related("owner").get(pk=claim.simulation_id)
            email = mail_address(simulation.owner, simulation.notify_email)
            runs = tally_runs([simulation.pk])[simulation.pk]
            problems = problems_of(simulation, simulation.runs.defer("log_tail", "outcome"))
        assert delivery.announcing_at is not None  # the engine commits its intent first
        base_url = settings.ENVIRONMENT.public_url
        return Recipient(
            email=email,
            title=simulation.title,
            runs=str(runs),
            completion=runs.completion,
            problems=problems,
            page_url=f"{base_url}/simulations/{simulation.pk}/",
            permalink_url=f"{base_url}/r/{delivery.permalink}",
            written_at=delivery.announcing_at,
        )


def _patience(error: SimCrateError) -> tuple[str, int]:
    """The column that counts tries that end like this, and how many of them there are: no kind takes another's."""
    if isinstance(error, StatisticsFullError):
        return "statistics_full", FULL_DISK_TRIES  # never so often: sooner they are left out
    if isinstance(error, DiskFullError):
        return "disk_full", FULL_DISK_TRIES
    return "attempts", PACK_TRIES


def _delivery_id(simulation: Simulation) -> uuid.UUID:
    """The same for every attempt at one packing, so that a killed one leaves no orphan in the spool."""
    packing = f" {simulation.packings}" if simulation.packings else ""
    return uuid.uuid5(simulation.pk, f"{simulation.storage.identifier}{packing}")
