"""Drafts: files that wait between the two steps of the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from simcrate.errors import BadInputError
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.faults import Fault, SubmissionError, raise_faults
from simcrate.portal.simulations.files import file_faults
from simcrate.portal.simulations.models import Draft, DraftFile, Simulation
from simcrate.portal.simulations.offer import OfferedConfig, offered_configs
from simcrate.portal.simulations.parts import all_but
from simcrate.portal.simulations.services import submit_simulation
from simcrate.portal.simulations.simulator_choice import choosable, read_ini_for
from simcrate.simulators.definition import OPPSIM, SimulatorKind

KEPT_FOR = timedelta(days=1)
MAX_DRAFTS = 10
"""Of one user; the oldest go first."""

USUAL_INI = "omnetpp.ini"


class DraftGoneError(BadInputError):
    """A draft is there no more: it was submitted, or a day has passed."""

    code = "input.draft"


def make_draft(
    *,
    owner: User,
    files: Mapping[str, bytes],
    simulator: str = OPPSIM.name,
    ini_name: str = "",
    title: str = "",
    choices: Mapping[str, Any] | None = None,
) -> Draft:
    """Keep files that the simulator can be given.

    Raises:
        SubmissionError: they cannot be submitted; nothing is kept.
    """
    raise_faults(list(file_faults(files, max_bytes=settings.ENVIRONMENT.submission_max_bytes)))
    ini_name = ini_name or _main_file(simulator, files)
    offers = _offers(simulator, ini_name, files)
    with transaction.atomic():
        _discard_old(owner)
        draft = Draft.objects.create(
            owner=owner,
            title=title,
            ini_name=ini_name,
            choices={**(choices or {}), "simulator": simulator},
            offers=None if offers is None else [asdict(offer) for offer in offers],
        )
        DraftFile.objects.bulk_create(
            DraftFile(draft=draft, name=name, content=content) for name, content in files.items()
        )
    return draft


def draft_again(simulation: Simulation, *, owner: User) -> Draft:
    """A draft that begins with everything that a simulation was submitted with.

    Raises:
        SubmissionError: by today's rules it could not be submitted.
    """
    return make_draft(
        owner=owner,
        files={file.name: bytes(file.content) for file in simulation.files.all()},
        simulator=simulation.simulator,
        ini_name=simulation.ini_name,
        title="" if simulation.title == simulation.config else simulation.title,
        choices={
            "config": simulation.config,
            "run_filter": simulation.run_filter,
            "precision_s": simulation.precision_s,
            "storage_id": simulation.storage.identifier,
            "fallback_id": simulation.fallback.identifier if simulation.fallback else "",
            "notify_email": simulation.notify_email,
            "licence": simulation.licence,
            "parts": sorted(all_but(simulation.left_out)),
        },
    )


def submit_draft(draft: Draft, *, files: Mapping[str, bytes], **choices: Any) -> Simulation:  # noqa: ANN401 - as submit_simulation takes them
    """Submit a draft, which is gone then: a button that is pressed twice submits once.

    Raises:
        SubmissionError: it cannot be submitted so; the draft stays.
        DraftGoneError: somebody was faster.
    """
    with transaction.atomic():
        held = Draft.objects.select_for_update().filter(pk=draft.pk).first()
        if held is None:
            raise DraftGoneError("these files were submitted already; look at your simulations")
        simulation = submit_simulation(
            owner=held.owner,
            ini_name=held.ini_name,
            files=files,
            simulator=held.choices["simulator"],
            **choices,
        )
        held.delete()
    return simulation


def offers_of(draft: Draft) -> list[OfferedConfig] | None:
    """What the ini offered when it was uploaded; it is judged again when it is submitted.

    None where only the simulator itself understands its settings file.
    """
    return None if draft.offers is None else [OfferedConfig(**offer) for offer in draft.offers]


def draft_files(draft: Draft) -> dict[str, bytes]:
    """Content by name."""
    return {file.name: bytes(file.content) for file in draft.files.all()}


def gather_files(uploads: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Uploaded files by name.

    Raises:
        SubmissionError: a name is there twice.
    """
    files: dict[str, bytes] = {}
    for name, content in uploads:
        if name in files:
            raise SubmissionError([Fault("files", f"the file name {name!r} is there twice")])
        files[name] = content
    return files


def find_ini(files: Iterable[str]) -> str:
    """Which of the files is the ini: `omnetpp.ini`, or the only one that ends so.

    Raises:
        SubmissionError: there is none, or more than one.
    """
    inis = [name for name in files if name.lower().endswith(".ini")]
    if USUAL_INI in inis:
        return USUAL_INI
    if len(inis) == 1:
        return inis[0]
    found = f"there are {len(inis)} ({', '.join(inis)})" if inis else "there is none"
    message = (
        f"one of the files must be the ini: {USUAL_INI}, or the only one ending in .ini; {found}"
    )
    raise SubmissionError([Fault("files", message)])


def _offers(
    simulator: str, ini_name: str, files: Mapping[str, bytes]
) -> list[OfferedConfig] | None:
    """What the ini offers; takes seconds where there is much to count.

    Raises:
        SubmissionError: there is no such simulator to choose, or the ini cannot be run.
    """
    chosen = choosable(simulator)
    if chosen.kind is SimulatorKind.COMMAND:
        return None
    return offered_configs(read_ini_for(chosen, ini_name, files))


def _main_file(simulator: str, files: Mapping[str, bytes]) -> str:
    """The ini; for a program with settings of its own the only file, whatever its name is."""
    if len(files) == 1 and choosable(simulator).kind is SimulatorKind.COMMAND:
        return next(iter(files))
    return find_ini(files)


def _discard_old(owner: User) -> None:
    Draft.objects.filter(created_at__lt=Now() - KEPT_FOR).delete()
    kept = Draft.objects.filter(owner=owner)[: MAX_DRAFTS - 1].values_list("pk", flat=True)
    Draft.objects.filter(owner=owner).exclude(pk__in=list(kept)).delete()
