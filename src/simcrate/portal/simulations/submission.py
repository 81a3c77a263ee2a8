"""Is this a simulation that can be run?  All that is checked before anything is stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from allauth.account.models import EmailAddress
from django.conf import settings

from simcrate.crate import Choice
from simcrate.errors import IniError
from simcrate.inifile import Run, parse_run_numbers
from simcrate.portal.accounts.models import User
from simcrate.portal.limits.queries import limits_of, why_no_more_storage
from simcrate.portal.simulations.faults import Fault, SubmissionError, raise_faults
from simcrate.portal.simulations.files import file_faults
from simcrate.portal.simulations.offer import MAX_RUNS, check_rows, choose_runs
from simcrate.portal.simulations.parts import read_left_out
from simcrate.portal.simulations.simulator_choice import choosable, read_ini_for
from simcrate.portal.storages.models import StorageBackend
from simcrate.simulators.definition import Simulator, SimulatorKind

Checked = TypeVar("Checked")

MAX_TITLE = 200
LONGEST = {
    "config": 200,
    "run_filter": 1000,
    "simulator": 100,
    "storage_id": 100,
    "fallback_id": 100,
    "notify_email": 254,
}
"""Characters of what is stored, or looked up; SQLite would take any text, PostgreSQL refuses it."""
LICENCES = ("CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "all rights reserved")
"""What may be done with the results, as the crate says; SPDX names where there are any."""

MAX_PRECISION_S = 1e12
"""Seconds; OMNeT++'s own clock does not go that far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for, as it came."""

    owner: User
    title: str
    ini_name: str
    files: Mapping[str, bytes]
    config: str
    run_filter: str
    precision_s: float | str
    storage_id: str
    """Backend identifier."""
    fallback_id: str
    """Where the crate goes when that one refuses it for good; empty: nowhere, whoever asked is told."""
    notify_email: str
    licence: str
    """Empty: the administrator's default."""
    simulator: str
    left_out: Collection[str]
    """Names of parts that the crate does without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What can be stored: the wish, with what its names stand for."""

    wish: Wish
    title: str
    precision_s: float
    runs: tuple[Run, ...]
    storage: StorageBackend
    fallback: StorageBackend | None
    licence: str
    left_out: frozenset[Choice]


def accept(wish: Wish) -> Accepted:
    """Check everything.

    Raises:
        SubmissionError: all that is wrong, field by field.
    """
    max_bytes = settings.ENVIRONMENT.submission_max_bytes
    raise_faults([*file_faults(wish.files, max_bytes=max_bytes), *_text_faults(wish)])
    faults: list[Fault] = []
    title = _collect(faults, lambda: _title(wish))
    precision_s = _collect(faults, lambda: read_precision(wish.precision_s))
    storage = _collect(faults, lambda: _storage("storage_id", wish.storage_id))
    fallback = _collect(faults, lambda: _fallback(wish))
    _collect(faults, lambda: _check_address(wish))
    licence = _collect(faults, lambda: _licence(wish.licence))
    left_out = _collect(faults, lambda: read_left_out(wish.left_out))
    simulator = _collect(faults, lambda: choosable(wish.simulator))
    runs = _collect(faults, lambda: _runs(wish, simulator, precision_s)) if simulator else None
    _collect(faults, lambda: _check_limits(wish.owner, runs or ()))
    raise_faults(faults)
    assert title is not None
    assert precision_s is not None
    assert storage is not None
    assert runs is not None
    assert licence is not None
    assert left_out is not None
    return Accepted(
        wish=wish,
        title=title,
        precision_s=precision_s,
        runs=tuple(runs),
        storage=storage,
        fallback=fallback,
        licence=licence,
        left_out=left_out,
    )


def offered_licences() -> tuple[str, ...]:
    """What can be chosen, the administrator's default first."""
    default = settings.ENVIRONMENT.licence
    return (default, *(licence for licence in LICENCES if licence != default))


def read_precision(value: float | str) -> float:
    """A positive finite number of simulated seconds.

    Raises:
        SubmissionError: it is none.
    """
    try:
        precision_s = float(value)
    except ValueError:
        precision_s = math.nan
    if not 0 < precision_s <= MAX_PRECISION_S:
        message = (
            f"the precision must be a number of seconds greater than 0, such as 10; not {value}"
        )
        raise SubmissionError([Fault("precision_s", message)])
    return precision_s


def _collect(faults: list[Fault], check: Callable[[], Checked]) -> Checked | None:
    """The checked value; where there is none, its faults join the others."""
    try:
        return check()
    except SubmissionError as error:
        faults.extend(error.faults)
        return None


def _text_faults(wish: Wish) -> Iterator[Fault]:
    for field, most in LONGEST.items():
        text: str = getattr(wish, field).strip()
        if len(text) > most or not text.isprintable():
            what = field.replace("_", " ")
            yield Fault(field, f"the {what} must be at most {most:,} printable characters")


def _title(wish: Wish) -> str:
    title = " ".join(wish.title.split()) or wish.config or wish.ini_name
    if len(title) > MAX_TITLE or not title.isprintable():
        message = f"the title must be at most {MAX_TITLE} printable characters"
        raise SubmissionError([Fault("title", message)])
    return title


def _runs(wish: Wish, simulator: Simulator, precision_s: float | None) -> Sequence[Run]:
    if simulator.kind is SimulatorKind.COMMAND:
        return _plain_runs(wish)
    ini = read_ini_for(simulator, wish.ini_name, wish.files)
    try:
        config = ini.config(wish.config)
    except IniError as error:
        raise SubmissionError([Fault("config", str(error))]) from error
    runs = choose_runs(config, wish.run_filter)
    if precision_s is not None:
        check_rows(config, runs, precision_s)
    return runs


def _plain_runs(wish: Wish) -> Sequence[Run]:
    """The runs of a program whose settings file only it understands: numbers, 0 unless told."""
    if wish.ini_name not in wish.files:
        raise SubmissionError([Fault("files", f"there is no file {wish.ini_name!r}")])
    if wish.config.startswith("-"):
        message = "for this simulator, a config is text that does not start with '-'"
        raise SubmissionError([Fault("config", message)])
    try:
        numbers = parse_run_numbers(wish.run_filter.strip() or "0", MAX_RUNS)
    except IniError as error:
        raise SubmissionError([Fault("run_filter", str(error))]) from error
    if not numbers:
        message = "for this simulator, runs are numbers such as 0..4,7"
        raise SubmissionError([Fault("run_filter", message)])
    return [Run(number=n, itervars={}, repetition=n, seed_set=n) for n in numbers]


def _check_limits(owner: User, runs: Sequence[Run]) -> None:
    """What the workers cannot refuse later without having lost somebody's time."""
    limits = limits_of(owner)
    if 0 < limits.runs_per_simulation < len(runs):
        message = (
            f"this selects {len(runs):,} runs; your limit is {limits.runs_per_simulation:,} in one "
            "simulation: choose some with a run filter, or ask an administrator for more"
        )
        raise SubmissionError([Fault("run_filter", message)])
    if reason := why_no_more_storage(owner):
        raise SubmissionError([Fault("storage_id", reason)])


def _fallback(wish: Wish) -> StorageBackend | None:
    if not wish.fallback_id:
        return None
    if wish.fallback_id == wish.storage_id:
        message = "the fallback must be another storage backend than the one that the crate goes to"
        raise SubmissionError([Fault("fallback_id", message)])
    return _storage("fallback_id", wish.fallback_id)


def _storage(field: str, identifier: str) -> StorageBackend:
    storage = StorageBackend.objects.filter(identifier=identifier, active=True).first()
    if storage is None:
        active = StorageBackend.objects.filter(active=True).values_list("identifier", flat=True)
        message = (
            f"there is no active storage backend '{identifier}'; "
            f"choose one of: {', '.join(active) or 'none is active, ask an administrator'}"
        )
        raise SubmissionError([Fault(field, message)])
    return storage


def _check_address(wish: Wish) -> None:
    confirmed = EmailAddress.objects.filter(
        user=wish.owner, verified=True, email__iexact=wish.notify_email
    )
    if wish.notify_email and not confirmed.exists():
        message = (
            f"{wish.notify_email} is no confirmed address of yours; confirm it on your account page"
        )
        raise SubmissionError([Fault("notify_email", message)])


def _licence(licence: str) -> str:
    offered = offered_licences()
    if licence and licence not in offered:
        message = (
            f"{licence!r} is no licence that can be chosen; choose one of: {', '.join(offered)}"
        )
        raise SubmissionError([Fault("licence", message)])
    return licence or offered[0]
