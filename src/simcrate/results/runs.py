"""What a result file says about the runs in it.

Everything comes from the headers inside the files, never from file names: OMNeT++ writes names with
`#`, `=`, blanks and hexadecimal escapes that nothing can be parsed back from.

Source: OMNeT++ Simulation Manual, appendix "Result File Formats".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a simulator, as its result files describe it."""

    id: str
    """The run ID that the simulator made up: unique, with date, time and process id in it."""

    attributes: Mapping[str, str]
    """`configname`, `network`, `repetition`, `measurement`, ... in the order of the file."""

    itervars: Mapping[str, str]
    """Iteration variables and their values as text, units and NED quotes included (`0.2s`, `"a"`)."""

    config: tuple[tuple[str, str], ...]
    """Ini entries in search order, most specific first; a key may stand there more than once."""

    @property
    def config_name(self) -> str:
        """Name of the ini section; empty when the file does not say."""
        return self.attributes.get("configname", "")

    @property
    def number(self) -> int | None:
        """The run number inside the configuration; None when the file does not say."""
        return _integer(self.attributes.get("runnumber", ""))

    @property
    def repetition(self) -> int | None:
        """Which repetition of the same parameters, from 0; None when the file does not say."""
        return _integer(self.attributes.get("repetition", ""))

    @property
    def measurement(self) -> str:
        """What repetitions have in common, by default `$a=1, $b=2`; empty without iteration."""
        return self.attributes.get("measurement", "")


CUT_OFF = "its last line is cut off"
"""Why a file is incomplete that ends within a line."""

EMPTY = "it is empty"
"""Why a file is incomplete whose writer got nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A result file that holds less than its simulator meant to write."""

    file: Path
    run: str
    """Run ID; empty when the file ends before it."""

    why: str
    """What was seen, as half a sentence."""


@dataclass(slots=True)
class RunHeader:
    """The lines of one run's header, while they are read."""

    id: str
    attributes: dict[str, str] = field(default_factory=dict)
    itervars: dict[str, str] = field(default_factory=dict)
    config: list[tuple[str, str]] = field(default_factory=list)

    def finish(self) -> Run:
        """The run that these lines describe.

        Versions before 5.1 keep iteration variables in the attribute `iterationvars` only
        (`$a=1, $b=2`) and each value once more as an attribute of its own.
        """
        attributes = dict(self.attributes)
        itervars = self.itervars or {
            name: attributes.pop(name)
            for name in _iteration_names(attributes.get("iterationvars", ""))
            if name in attributes
        }
        return Run(
            id=self.id, attributes=attributes, itervars=dict(itervars), config=tuple(self.config)
        )


def merge_runs(first: Run, second: Run) -> Run:
    """One run out of what two of its files say; where they differ, the first file counts."""
    return Run(
        id=first.id,
        attributes={**second.attributes, **first.attributes},
        itervars={**second.itervars, **first.itervars},
        config=first.config or second.config,
    )


def _iteration_names(text: str) -> list[str]:
    parts = (part.strip() for part in text.split(","))
    return [part[1 : part.index("=")] for part in parts if part.startswith("$") and "=" in part]


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
