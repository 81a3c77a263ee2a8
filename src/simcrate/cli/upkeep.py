"""What a worker process does beside its work, once in a while: sweep, remind, examine.

All workers of an installation share the chores: the rows say which one does the next.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Thread

from django.conf import settings
from django.db.models.functions import Now

from simcrate.cli.run_dirs import remove_idle_inputs, remove_run_dirs
from simcrate.delivery import sweep
from simcrate.errors import NotifyError, SimCrateError
from simcrate.pipeline.place import spool_path
from simcrate.pipeline.remind import remind
from simcrate.portal.deliveries.chores import EVERY, forget_chores, take_chore
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.deliveries.reminders import due_reminders, reminded
from simcrate.portal.deliveries.repeating import needless_spools
from simcrate.portal.deliveries.retention import Overdue, RowRetention
from simcrate.portal.queue.sightings import Clock, Sightings
from simcrate.portal.queue.takeover import take_over
from simcrate.portal.storages.nightly import warn_administrators
from simcrate.portal.storages.services import get_definition
from simcrate.worker.identity import machine_name
from simcrate.worker.tasks import Bench

log = logging.getLogger(__name__)

LOOK_S = 60.0
STOP_WAIT_S = 5.0
REMIND_FOR_S = 120.0
"""A mail server that never answers costs half a minute for each mail."""
OVERDUE_AFTER_S = 50 * 60.0
"""Less than it takes to the next sweep, so that this one's sightings count there."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done once in a while."""

    name: str
    every: timedelta
    do: Callable[[], object]


def chores_of(bench: Bench, clock: Clock = time.monotonic) -> list[Chore]:
    """All of them; spool, run directories and looks for lost machines are each machine's own.

    A machine that only runs has no credentials for most.  `clock` never jumps.
    """
    machine = machine_name(bench.var_dir)
    others = [] if settings.ENVIRONMENT.only_runs else _with_credentials(bench, machine, clock)
    names = {chore.name for chore in others}
    runs = Chore(f"runs {machine}", EVERY["runs"], partial(tidy_machine, bench, machine, names))
    return [runs, *others]


def _with_credentials(bench: Bench, machine: str, clock: Clock) -> list[Chore]:
    """Those of machines that pack and deliver."""
    takeover = Chore(
        f"lost {machine}", EVERY["lost"], partial(take_over, machine, Sightings[str](clock))
    )
    overdue = Overdue(clock, lasting_s=OVERDUE_AFTER_S)
    staging = bench.staging
    handed_over = [takeover, Chore("parts", EVERY["parts"], staging.tidy)] if staging else []
    return [
        *handed_over,
        Chore("sweep", EVERY["sweep"], partial(sweep_expired, bench, overdue)),
        Chore("remind", EVERY["remind"], partial(remind_owners, bench)),
        Chore(f"spool {machine}", EVERY["spool"], partial(tidy_spool, bench, machine)),
        Chore("examine", EVERY["examine"], warn_administrators),
    ]


def sweep_expired(bench: Bench, overdue: Overdue) -> None:
    """Remove what has expired, and had at an earlier sweep: a clock that is ahead for a while removes nothing."""
    ledger = RowRetention("the hourly sweep", overdue)
    sweep(ledger, lambda to: bench.backends.open(get_definition(to)))


def remind_owners(bench: Bench, clock: Clock = time.monotonic) -> None:
    """Tell owners of crates that expire soon; a mail that is not accepted is tried again the next time.

    A mail server that accepts none has a limited time: the other chores wait for this one.
    """
    give_up_at = clock() + REMIND_FOR_S
    for reminder in due_reminders():
        try:
            remind(reminder, sender=bench.mail_from, post=bench.post, written_at=datetime.now(UTC))
        except NotifyError as error:
            log.warning(
                "reminder.not_sent",
                extra={"delivery": str(reminder.delivery_id), **error.facts},
            )
            if clock() >= give_up_at:
                return
        else:
            reminded(reminder)


def tidy_spool(bench: Bench, machine: str) -> None:
    """Let go of crates that could not be delivered and were discarded, or delivered otherwise since.

    And of what is left of released ones: their machine was lost meanwhile, or could not remove all of it.
    """
    for delivery in needless_spools(machine):
        crate_path = spool_path(bench.var_dir, delivery.pk, delivery.file_name)
        shutil.rmtree(crate_path.parent, ignore_errors=True)
        Delivery.objects.filter(pk=delivery.pk).update(spool_released_at=Now())
    left = {path.name: path for path in bench.var_dir.glob("spool/*-*-*-*-*")}
    released = Delivery.objects.filter(pk__in=left, spool_released_at__isnull=False)
    for key in released.values_list("pk", flat=True):  # by another machine, or not wholly
        shutil.rmtree(left[str(key)], ignore_errors=True)


def tidy_machine(bench: Bench, machine: str, others: set[str]) -> None:
    """Let go of what runs left, and of chores that the machine does not have any more."""
    forget_chores(machine, but={f"runs {machine}", *others})
    tidy_runs(bench, machine)


def tidy_runs(bench: Bench, machine: str) -> None:
    """Let go of what runs left, when its crate has been verified for long enough.

    A machine that only runs lets go of what it was given, too, when no run is left for it.
    """
    environment = settings.ENVIRONMENT
    remove_run_dirs(
        bench.var_dir,
        machine,
        keep=timedelta(days=environment.keep_run_days),
        floor_bytes=environment.disk_floor_bytes,
    )
    if environment.only_runs:
        remove_idle_inputs(bench.var_dir, machine)


def do_due(chores: list[Chore]) -> None:
    """Do those that are due; one that fails costs none of the others."""
    for chore in chores:
        try:
            if take_chore(chore.name, every=chore.every):
                chore.do()
        except SimCrateError as error:
            log.warning("chore.delayed", extra={"chore": chore.name, **error.facts})
        except Exception:
            # an edge: this thread must outlive any fault of a chore
            log.exception("chore.failed", extra={"chore": chore.name})


@contextmanager
def upkeep(bench: Bench, stop: Event) -> Iterator[None]:
    """Do the chores beside whatever is done inside, until `stop` is set."""
    chores = chores_of(bench)

    def keep_up() -> None:
        do_due(chores)
        while not stop.wait(LOOK_S):
            do_due(chores)

    # a daemon: every chore may be broken off at any instant
    thread = Thread(target=keep_up, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_WAIT_S)
