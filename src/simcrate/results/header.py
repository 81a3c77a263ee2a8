"""The lines that `.sca`, `.vec` and `.vci` have in common: version, runs, their headers, attributes."""

from __future__ import annotations

from collections.abc import Sequence

from simcrate.results.runs import RunHeader
from simcrate.results.text import LineError, shorten

VERSIONS = ("2", "3")

_TOKENS = {"version": 2, "run": 2, "attr": 3, "itervar": 3, "config": 3, "param": 3}


class HeaderReader:
    """Takes the header lines of a file, one after the other.

    An `attr` line belongs to the nearest thing before it; whoever reads the items of the file tells
    what that is with `describe()`.
    """

    def __init__(self) -> None:
        self.runs: list[RunHeader] = []
        self._described: dict[str, str] | None = None
        self._version = ""

    def read(self, tokens: Sequence[str]) -> bool:
        """Take a line; tells whether it was one of a header.

        Raises:
            LineError: the line is a header line, but a wrong one or in a wrong place.
        """
        keyword = tokens[0]
        if keyword == "attr" and len(tokens) == 3 and self._described is not None:
            self._described[tokens[1]] = tokens[2]  # four of five lines of an index are these
            return True
        if keyword not in _TOKENS:
            self.check_version()
            return False
        expect_tokens(tokens, _TOKENS[keyword])
        if keyword == "version":
            self._read_version(tokens[1])
            return True
        self.check_version()
        if keyword == "run":
            self._begin_run(tokens[1])
        elif keyword == "attr":
            message = "expected something that an `attr` line can describe before it"
            raise LineError(message)
        elif keyword == "itervar":
            self._run.itervars[tokens[1]] = tokens[2]
        else:
            self._run.config.append((tokens[1], tokens[2]))
        return True

    def describe(self, attributes: dict[str, str]) -> RunHeader:
        """Let the following `attr` lines fill `attributes`; returns the run that this belongs to.

        Raises:
            LineError: there is no run yet.
        """
        self._described = attributes
        return self._run

    def check_version(self) -> None:
        """Make sure that the version has been read.

        Raises:
            LineError: it has not.
        """
        if not self._version:
            message = "expected a line `version 2` or `version 3` first"
            raise LineError(message)

    @property
    def _run(self) -> RunHeader:
        if not self.runs:
            message = "expected a line `run ID` before the first result"
            raise LineError(message)
        return self.runs[-1]

    def _read_version(self, version: str) -> None:
        if version == "1":
            message = (
                "format version 1, as OMNeT++ 3 wrote it, is not supported; "
                "expected version 2 or 3, as OMNeT++ 4 and newer write them"
            )
            raise LineError(message)
        if version not in VERSIONS:
            message = f"expected format version 2 or 3, found {shorten(version)}"
            raise LineError(message)
        self._version = version

    def _begin_run(self, run_id: str) -> None:
        if any(run.id == run_id for run in self.runs):
            message = f"expected every run once, found {shorten(run_id)} again"
            raise LineError(message)
        self.runs.append(RunHeader(run_id))
        self._described = self.runs[-1].attributes


def expect_tokens(tokens: Sequence[str], count: int) -> None:
    """Check the number of tokens in a line.

    Raises:
        LineError: there are more or fewer.
    """
    if len(tokens) != count:
        message = (
            f"expected {count} tokens in a line that begins with {tokens[0]!r}, found {len(tokens)}"
        )
        raise LineError(message)
