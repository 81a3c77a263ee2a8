"""Which vectors a `.vec` file declares: `vector ID MODULE NAME COLUMNS`, anywhere in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from simcrate.results.header import HeaderReader
from simcrate.results.runs import Run
from simcrate.results.tables import Attributes
from simcrate.results.text import LineError, parse_count, shorten, split
from simcrate.results.timeorder import Integers

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One declared vector."""

    id: int
    """Number of the vector in its file."""

    run: str
    module: str
    name: str

    has_events: bool
    """Data lines are id, event number, time, value (`ETV`) rather than id, time, value (`TV`)."""

    offset: int
    """Where in the file it is declared; its data come later."""

    attributes: Attributes


class Declarations:
    """The vectors and runs of a file, as far as it has been read."""

    def __init__(self) -> None:
        self._header = HeaderReader()
        self._vectors: dict[int, Declaration] = {}

    def read(self, line: bytes, offset: int) -> None:
        """Take a line that is not data, from that place in the file.

        Raises:
            LineError: it is neither a header line nor a declaration, or declares a vector twice.
        """
        tokens = split(line)
        if not tokens or tokens[0].startswith("#") or self._header.read(tokens):
            return
        if tokens[0] != "vector":
            message = f"expected data, vector or attr, found {shorten(tokens[0])}"
            raise LineError(message)
        self._declare(tokens, offset)

    def check_version(self) -> None:
        """Make sure that the version has been read.

        Raises:
            LineError: it has not.
        """
        self._header.check_version()

    def freeze(self) -> DeclaredVectors:
        """What has been declared."""
        return DeclaredVectors(
            runs=tuple(run.finish() for run in self._header.runs),
            vectors=tuple(self._vectors.values()),
        )

    def _declare(self, tokens: Sequence[str], offset: int) -> None:
        if len(tokens) not in (4, 5):
            message = f"expected `vector ID MODULE NAME COLUMNS`, found {len(tokens)} tokens"
            raise LineError(message)
        number = parse_count(tokens[1])
        if number in self._vectors:
            message = f"expected every vector number once, found {number} again"
            raise LineError(message)
        attributes: dict[str, str] = {}
        run = self._header.describe(attributes)
        self._vectors[number] = Declaration(
            id=number,
            run=run.id,
            module=tokens[2],
            name=tokens[3],
            has_events=_has_events(tokens[4] if len(tokens) == 5 else "TV"),
            offset=offset,
            attributes=attributes,
        )


@dataclass(frozen=True)
class DeclaredVectors:
    """All vectors of a file; their rows are numbered from 0 in the order of declaration."""

    runs: tuple[Run, ...]
    vectors: tuple[Declaration, ...]

    def rows(self, ids: Integers) -> Integers:
        """The row of each vector number; -1 where none is declared."""
        if not self.vectors:
            return np.full(len(ids), -1, np.int64)
        order, known = self._by_id
        place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[place] == ids, order[place], -1)

    @cached_property
    def has_events(self) -> Booleans:
        """For each row, whether its samples carry event numbers."""
        return np.array([vector.has_events for vector in self.vectors], np.bool_)

    @cached_property
    def offsets(self) -> Integers:
        """For each row, where in the file it is declared."""
        return np.array([vector.offset for vector in self.vectors], np.int64)

    @cached_property
    def _by_id(self) -> tuple[Integers, Integers]:
        ids = np.array([vector.id for vector in self.vectors], np.int64)
        order = np.argsort(ids)
        return order, ids[order]


def _has_events(columns: str) -> bool:
    if columns == "ETV":
        return True
    if columns == "TV" or columns.isdigit():  # old files have a number here and no events
        return False
    message = f"expected the columns ETV or TV, found {shorten(columns)}"
    raise LineError(message)
