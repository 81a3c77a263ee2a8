"""What the submitted ini really offers: configs, their runs, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simcrate.errors import IniError
from simcrate.inifile import (
    Config,
    ConfigInfo,
    Effort,
    Generation,
    IniFile,
    Run,
    SafetyPolicy,
    check_safety,
    decode_ini,
    evaluate_number,
    parse_ini,
)
from simcrate.portal.simulations.faults import Fault, SubmissionError

MAX_RUNS = 10_000
"""Runs of one simulation."""

MAX_CONFIGS = 500
"""Of one ini file: all of them are shown to choose from."""

MAX_EFFORT = 8_000_000
"""Of counting the runs of all configs, about ten seconds; see `simcrate.inifile.Effort`."""

LONGEST_SHOWN = 500
"""Characters of a description, or of a list of variables: configs inherit them, and all are kept."""

MAX_ROWS = 1_000_000
"""Rows of one resampled table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedConfig:
    """One config that can be run."""

    name: str
    description: str
    """The beginning of a long one."""

    run_count: int
    variables: str
    """Names of its iteration variables."""


def read_ini(
    ini_name: str,
    files: Mapping[str, bytes],
    policy: SafetyPolicy | None = None,
    *,
    generation: Generation = 6,
) -> IniFile:
    """Parse the ini among the files, and refuse what must not reach a worker.

    Args:
        ini_name: which of the files it is.
        files: content by name.
        policy: what it may set; without one, the usual allow-list.
        generation: whose rules hold, those of OMNeT++ 5.x or of 6.x.

    Raises:
        SubmissionError: it is not there, no ini, without configs, or sets what is not allowed.
    """
    if ini_name not in files:
        known = ", ".join(files) or "none"
        message = f"there is no file {ini_name!r} among the submitted ones ({known})"
        raise SubmissionError([Fault("files", message)])
    texts = {name: decode_ini(content) for name, content in files.items()}
    try:
        ini = parse_ini(texts[ini_name], name=ini_name, includes=texts, generation=generation)
        check_configs(ini)
    except IniError as error:
        raise SubmissionError([Fault("files", line) for line in str(error).splitlines()]) from error
    if refusals := [Fault("files", str(refusal)) for refusal in check_safety(ini, policy)]:
        raise SubmissionError(refusals)
    return ini


def check_configs(ini: IniFile) -> None:
    """Refuse an ini from whose configs none can be chosen.

    Raises:
        IniError: it has none, or too many to show, or they extend each other in circles.
    """
    count = len(ini.configs)
    if not count:
        raise IniError("no config that could be run", file=ini.name)
    if count > MAX_CONFIGS:
        message = (
            f"{count:,} configs; at most {MAX_CONFIGS} can be offered: "
            "leave out those that are not to be run"
        )
        raise IniError(message, file=ini.name)


def offered_configs(ini: IniFile) -> list[OfferedConfig]:
    """The configs that set up a network, or all where none does; General, their common ground, last.

    Raises:
        SubmissionError: the iteration of one of them cannot be understood, or they have too much to count.
    """
    runnable = [info for info in ini.configs if info.network] or list(ini.configs)
    runnable.sort(key=lambda info: info.name == "General")
    try:
        effort = Effort(MAX_EFFORT)
        return [_offered(ini.config(info.name, effort), info) for info in runnable]
    except IniError as error:
        raise SubmissionError([Fault("files", str(error))]) from error


def choose_runs(config: Config, run_filter: str) -> Sequence[Run]:
    """The runs that a filter selects.

    Raises:
        SubmissionError: it does not parse, matches nothing, or selects too many.
    """
    try:
        runs = config.select(run_filter)
    except IniError as error:
        raise SubmissionError([Fault("run_filter", str(error))]) from error
    if fault := too_many(len(runs)):
        raise SubmissionError([Fault("run_filter", f"this selects {fault}")])
    return runs


def too_many(run_count: int) -> str:
    """Why so many runs cannot be run at once, and what to do; empty: they can."""
    if run_count <= MAX_RUNS:
        return ""
    return (
        f"{run_count:,} runs; one simulation can have {MAX_RUNS:,}: "
        "choose some with a run filter such as 0..999"
    )


def check_rows(config: Config, runs: Sequence[Run], precision_s: float) -> None:
    """Refuse a precision that would give tables that nobody opens.

    Raises:
        SubmissionError: more than `MAX_ROWS` rows, or `sim-time-limit` cannot be understood.
    """
    effort = Effort()
    limits = set()
    try:
        for run in runs:
            limit = config.value("sim-time-limit", run)
            if limit not in limits:
                effort.spend(len(limit or ""))
                limits.add(limit)
        longest_s = max((evaluate_number(limit, "s") for limit in limits if limit), default=0.0)
    except IniError as error:
        raise SubmissionError([Fault("config", f"sim-time-limit: {error}")]) from error
    if longest_s / precision_s > MAX_ROWS:
        message = (
            f"a precision of {precision_s:g} s gives {longest_s / precision_s:,.0f} rows for "
            f"{longest_s:g} simulated seconds; at most {MAX_ROWS:,} are made: "
            f"use {longest_s / MAX_ROWS:g} s or more"
        )
        raise SubmissionError([Fault("precision_s", message)])


def _offered(config: Config, info: ConfigInfo) -> OfferedConfig:
    count = config.run_count
    first = config.run(0) if count else None
    return OfferedConfig(
        name=info.name,
        description=_beginning(info.description),
        run_count=count,
        variables=_beginning(", ".join(first.itervars) if first else ""),
    )


def _beginning(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
