"""Everything that changes simulations: submit, cancel and stop.

The web form, the API, the command line and the demo all call these functions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models.functions import Now

from simcrate.errors import BadInputError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.queue.wake import wake
from simcrate.portal.simulations.models import Run, Simulation, SubmittedFile
from simcrate.portal.simulations.ordering import longest_first
from simcrate.portal.simulations.parts import as_column
from simcrate.portal.simulations.submission import Accepted, Wish, accept

RUNS_PER_INSERT = 1000


def submit_simulation(  # noqa: PLR0913 - one per thing that is chosen, all by name
    *,
    owner: User,
    ini_name: str,
    files: Mapping[str, bytes],
    config: str,
    precision_s: float | str,
    storage_id: str,
    fallback_id: str = "",
    title: str = "",
    run_filter: str = "",
    notify_email: str = "",
    simulator: str = "oppsim",
    licence: str = "",
    left_out: Collection[str] = (),
) -> Simulation:
    """Check a simulation and queue its runs; all of it, or nothing.

    Args:
        owner: whose simulation it is.
        ini_name: which of the files is the ini.
        files: ini and data files, content by plain name.
        config: name of the config to run.
        precision_s: simulated seconds between rows of the resampled tables; or its text.
        storage_id: Backend identifier of an active storage backend.
        fallback_id: that of another one, for a crate that the first refuses for good; empty: none.
        title: for people; empty: the name of the config, or of the ini.
        run_filter: which runs, as OMNeT++'s `-r`; empty: all.
        notify_email: a confirmed address of the owner, or empty for no mail.
        simulator: name of the simulator's definition.
        licence: what others may do with the results; one of `offered_licences()`; empty: the first of them.
        left_out: parts that the crate does without, by the names of `simcrate.crate.Choice`.

    Raises:
        SubmissionError: all that is wrong, field by field; nothing was queued.
    """
    accepted = accept(
        Wish(
            owner=owner,
            title=title,
            ini_name=ini_name,
            files=files,
            config=config,
            run_filter=run_filter,
            precision_s=precision_s,
            storage_id=storage_id,
            fallback_id=fallback_id,
            notify_email=notify_email,
            licence=licence,
            simulator=simulator,
            left_out=left_out,
        )
    )
    with transaction.atomic():
        simulation = _store(accepted)
        wake()
    return simulation


def cancel_simulation(simulation: Simulation, *, who: str) -> None:
    """Ask for the end of a simulation that is not wanted any more.

    Runs that have not started never will; running ones are stopped by their worker, and what was
    recorded so far is packed and delivered.  Asking twice is asking once.

    Raises:
        BadInputError: nothing is left to cancel, or it is being stopped already; says which.
    """
    _end_early(simulation, who=who, ends_as=RunState.CANCELLED)


def stop_simulation(simulation: Simulation, *, who: str) -> None:
    """End a simulation here and keep what is there: as `cancel_simulation`, but its results count.

    Raises:
        BadInputError: nothing is left to stop, or it is being cancelled already; says which.
    """
    _end_early(simulation, who=who, ends_as=RunState.STOPPED)


def _end_early(simulation: Simulation, *, who: str, ends_as: RunState) -> None:
    with transaction.atomic():
        row = Simulation.objects.select_for_update().get(pk=simulation.pk)
        if reason := _why_not(row, ends_as):
            verb = "cancel" if ends_as is RunState.CANCELLED else "stop"
            message = f"could not {verb} '{simulation}': {reason}"
            raise BadInputError(message)
        if row.cancel_requested_at is None:
            row.runs.filter(state=RunState.QUEUED).update(
                state=ends_as,
                reason=f"{ends_as} by {who} before it was run",
                ended_at=Now(),
            )
            Simulation.objects.filter(pk=row.pk).update(
                cancel_requested_at=Now(),
                ends_as=ends_as,
                # asked after no run of it can be claimed any more
                nothing_to_pack=not row.runs.exclude(started_at=None).exists(),
            )
            wake()


def _why_not(row: Simulation, ends_as: RunState) -> str:
    """Why it cannot be ended so; empty when it can, or when that was asked for before."""
    if row.packed_at is not None:
        return "its runs have ended and the crate is packed"
    if row.cancel_requested_at is not None:
        return "" if row.ends_as == ends_as else f"it is being {row.ends_as} already"
    if not row.runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]).exists():
        return "its runs have ended and the crate is being packed"
    return ""


def _store(accepted: Accepted) -> Simulation:
    wish = accepted.wish
    runs = longest_first(
        accepted.runs, owner=wish.owner, simulator=wish.simulator, config=wish.config
    )
    simulation = Simulation.objects.create(
        owner=wish.owner,
        title=accepted.title,
        simulator=wish.simulator,
        ini_name=wish.ini_name,
        config=wish.config,
        run_filter=wish.run_filter.strip(),
        precision_s=accepted.precision_s,
        storage=accepted.storage,
        fallback=accepted.fallback,
        notify_email=wish.notify_email,
        licence=accepted.licence,
        left_out=as_column(accepted.left_out),
    )
    SubmittedFile.objects.bulk_create(
        SubmittedFile(simulation=simulation, name=name, content=content)
        for name, content in wish.files.items()
    )
    Run.objects.bulk_create(
        (
            Run(
                simulation=simulation,
                number=run.number,
                itervars=dict(run.itervars),
                repetition=run.repetition,
            )
            for run in runs
        ),
        batch_size=RUNS_PER_INSERT,
    )
    return simulation
