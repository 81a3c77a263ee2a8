"""The options of one run: limits, files, status, recording.

Options that OMNeT++ has and that would change what a run means, but that this simulator cannot honour,
are errors; those that make no difference here are accepted.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from simcrate.inifile import (
    Config,
    Entry,
    IniError,
    Pattern,
    Run,
    evaluate,
    evaluate_number,
    unquote,
)
from simcrate.inifile.options import is_known
from simcrate.oppsim.errors import ModelError
from simcrate.oppsim.parameters import NETWORK
from simcrate.oppsim.recording import RunHeader

ONLY_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "record-eventlog": ("false",),
    "parallel-simulation": ("false",),
    "debugger-attach-on-startup": ("false",),
    "debugger-attach-on-error": ("false",),
    "debug-on-errors": ("false",),
    "cmdenv-interactive": ("false",),
    "user-interface": ("Cmdenv",),
    "outputscalarmanager-class": ("omnetpp::envir::OmnetppOutputScalarManager",),
    "outputvectormanager-class": ("omnetpp::envir::OmnetppOutputVectorManager",),
}
"""Options of which only these values can be honoured."""

RECORDING_OPTIONS: Final = (
    "vector-recording",
    "scalar-recording",
    "statistic-recording",
    "bin-recording",
    "param-recording",
)
"""Switches per result; all are on by default."""

NOT_SUPPORTED: Final = frozenset({"fingerprint", "load-libs", "scheduler-class", "rng-class"})

_HEADER_VARIABLES = (
    "configname",
    "datetime",
    "datetimef",
    "description",
    "experiment",
    "inifile",
    "iterationvars",
    "iterationvarsd",
    "iterationvarsf",
    "measurement",
    "network",
    "processid",
    "repetition",
    "replication",
    "resultdir",
    "runnumber",
    "seedset",
)
_ALWAYS = frozenset({"iterationvars", "iterationvarsd", "iterationvarsf"})  # even when empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options of one run; limits are infinite when they are not set."""

    sim_time_limit_s: float
    cpu_time_limit_s: float
    real_time_limit_s: float
    warmup_s: float
    status_interval_s: float
    performance_display: bool
    redirect_output: bool
    output_path: Path
    scalar_path: Path
    vector_path: Path
    scalar_precision: int
    vector_precision: int
    header: RunHeader


class RunOptions:
    """The entries of a run, and the answers to what they say.

    Args:
        config: the configuration.
        run: the run of it.
        started_at: local time at which the run begins.

    Raises:
        ModelError: a switch is neither true nor false.
    """

    def __init__(self, config: Config, run: Run, started_at: datetime) -> None:
        process = _process_variables(config, run, started_at)
        self.run = run
        self.entries = config.entries(run, process)
        self._variables = config.variables(run, process)
        self._switches = {option: self._switches_of(option) for option in RECORDING_OPTIONS}

    def settings(self) -> Settings:
        """All options.

        Raises:
            ModelError: an option is unknown, cannot be honoured, or has no sensible value.
        """
        self._refuse_unusable()
        return Settings(
            sim_time_limit_s=self._seconds("sim-time-limit", math.inf),
            cpu_time_limit_s=self._seconds("cpu-time-limit", math.inf),
            real_time_limit_s=self._seconds("real-time-limit", math.inf),
            warmup_s=self._seconds("warmup-period", 0.0),
            status_interval_s=self._seconds("cmdenv-status-frequency", 2.0),
            performance_display=self._switch("cmdenv-performance-display", default=True),
            redirect_output=self._switch("cmdenv-redirect-output", default=False),
            output_path=self._path("cmdenv-output-file", ".out"),
            scalar_path=self._path("output-scalar-file", ".sca"),
            vector_path=self._path("output-vector-file", ".vec"),
            scalar_precision=self._precision("output-scalar-precision"),
            vector_precision=self._precision("output-vector-precision"),
            header=self._header(),
        )

    def wants(self, path: str, option: str) -> bool:
        """Whether an option of objects is on for a result; by default all are."""
        full = f"{path}.{option}"
        return next((on for pattern, on in self._switches[option] if pattern.matches(full)), True)

    def _switches_of(self, option: str) -> list[tuple[Pattern, bool]]:
        return [
            (Pattern(entry.key if "." in entry.key else f"**.{option}"), _truth(entry))
            for entry in self.entries
            if entry.key.rpartition(".")[2] == option
        ]

    def _refuse_unusable(self) -> None:
        effective = {
            entry.key: entry for entry in reversed(self.entries)
        }  # the first of a key wins
        for entry in effective.values():
            value = unquote(entry.value)
            if entry.key in NOT_SUPPORTED or value not in ONLY_VALUES.get(entry.key, (value,)):
                message = (
                    f"Configuration option {entry.key}={value} is not supported by this simulator"
                )
                raise ModelError(message + _place(entry))
        network = self._variables["network"]
        if network != NETWORK:
            message = f"Network '{network}' not found, check .ini and .ned files (there is only '{NETWORK}')"
            raise ModelError(message)

    def _header(self) -> RunHeader:
        attributes = {
            name: self._variables[name]
            for name in _HEADER_VARIABLES
            if self._variables[name] or name in _ALWAYS
        }
        return RunHeader(
            run_id=self._variables["runid"],
            attributes=attributes,
            itervars=self.run.itervars,
            config=tuple(_recorded(entry) for entry in self.entries),
        )

    def _entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def _seconds(self, key: str, default: float) -> float:
        entry = self._entry(key)
        if entry is None:
            return default
        try:
            seconds = evaluate_number(entry.value, "s")
        except IniError as error:
            message = (
                f"Wrong value for configuration option {key}={entry.value}: {error}{_place(entry)}"
            )
            raise ModelError(message) from error
        if not seconds >= 0:
            message = (
                f"Configuration option {key}={entry.value} must not be negative{_place(entry)}"
            )
            raise ModelError(message)
        return seconds

    def _switch(self, key: str, *, default: bool) -> bool:
        entry = self._entry(key)
        return default if entry is None else _truth(entry)

    def _precision(self, key: str) -> int:
        entry = self._entry(key)
        digits = 14 if entry is None else int(evaluate_number(entry.value))
        return min(max(digits, 1), 17)

    def _path(self, key: str, suffix: str) -> Path:
        entry = self._entry(key)
        if entry is not None:
            return Path(unquote(entry.value))
        variables = self._variables
        name = f"{variables['configname']}-{variables['iterationvarsf']}#{variables['repetition']}"
        return Path(variables["resultdir"]) / (name + suffix)


def check_options(entries: Sequence[Entry]) -> None:
    """Refuse options that do not exist, wherever in the ini file they stand.

    Raises:
        ModelError: names the first, and where it stands.
    """
    for entry in entries:
        name = entry.key.rpartition(".")[2]
        is_option = "." not in entry.key and "*" not in entry.key
        if (is_option or "-" in name.split("[")[0]) and not is_known(name):
            kind = "configuration" if is_option else "per-object configuration"
            message = f"Unknown {kind} option: {name}{_place(entry)}"
            raise ModelError(message)


def _process_variables(config: Config, run: Run, started_at: datetime) -> dict[str, str]:
    moment = started_at.strftime("%Y%m%d-%H:%M:%S")
    return {
        "runid": f"{config.name}-{run.number}-{moment}-{os.getpid()}",
        "processid": str(os.getpid()),
        "datetime": moment,
        "datetimef": moment.replace(":", ""),
    }


def _recorded(entry: Entry) -> tuple[str, str]:
    """Options are recorded without their quotes, parameters as they stand."""
    is_option = "." not in entry.key
    return entry.key, unquote(entry.value) if is_option else entry.value


def _truth(entry: Entry) -> bool:
    try:
        value = evaluate(entry.value)
    except IniError as error:
        message = f"Wrong value for configuration option {entry.key}={entry.value}: {error}{_place(entry)}"
        raise ModelError(message) from error
    if isinstance(value, bool):
        return value
    message = (
        f"Wrong value for configuration option {entry.key}={entry.value}: true or false is needed"
    )
    raise ModelError(message + _place(entry))


def _place(entry: Entry) -> str:
    return f" -- at {entry.file}:{entry.line}" if entry.line else ""
