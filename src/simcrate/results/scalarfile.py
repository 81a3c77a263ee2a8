"""Read `.sca` files: scalars, statistics, histograms and parameters.

Source: OMNeT++ Simulation Manual, appendix "Result File Formats".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simcrate.errors import ResultFormatError
from simcrate.results.chunks import end_of_last_line
from simcrate.results.header import HeaderReader, expect_tokens
from simcrate.results.recorded import Item, RecordedItems, StatisticFields, Value
from simcrate.results.resultfile import FileWithoutVectors
from simcrate.results.runs import CUT_OFF, EMPTY, Incomplete, Run
from simcrate.results.tables import Items, Kind
from simcrate.results.text import LineError, parse_number, shorten, split, whole_lines


class ScalarFile(FileWithoutVectors):
    """One `.sca` file, read as a whole at construction.

    Raises:
        ResultFormatError: a line is not what the format says; names the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        parser = _Parser()
        number, end = 1, end_of_last_line(path)
        try:
            with path.open("rb") as stream:
                for number, line in whole_lines(stream, path):  # noqa: B007 - for the error
                    parser.read(line)
            if end:
                parser.header.check_version()
        except LineError as error:
            raise ResultFormatError(str(error), file=path, line=number) from error
        self.runs: tuple[Run, ...] = tuple(run.finish() for run in parser.header.runs)
        self._tables = parser.recorded.tables()
        self.incomplete = self._missing(end, path.stat().st_size)
        self.warnings: tuple[str, ...] = ()

    def items(self, kind: Kind) -> Items:
        """The items of one kind; a `.sca` file has no vectors."""
        return self._tables[kind]

    def _missing(self, end: int, size: int) -> tuple[Incomplete, ...]:
        if end == size and size:
            return ()
        run = self.runs[-1].id if self.runs else ""
        return (Incomplete(file=self.path, run=run, why=CUT_OFF if size else EMPTY),)


class _Parser:
    """Takes the lines of a `.sca` file and files their items."""

    def __init__(self) -> None:
        self.header = HeaderReader()
        self.recorded = RecordedItems()
        self._statistic: StatisticFields | None = None

    def read(self, line: bytes) -> None:
        tokens = split(line)
        if not tokens or tokens[0].startswith("#"):
            return
        if self.header.read(tokens):
            if tokens[0] == "run":
                self._statistic = None
            return
        match tokens[0]:
            case "scalar":
                self._read_scalar(tokens)
            case "statistic":
                self._begin_statistic(tokens)
            case "field" | "bin":
                self._read_statistic_line(tokens)
            case "par":
                self._read_parameter(tokens)
            case other:
                message = (
                    f"expected scalar, statistic, field, bin, par or attr, found {shorten(other)}"
                )
                raise LineError(message)

    def _read_scalar(self, tokens: Sequence[str]) -> None:
        expect_tokens(tokens, 4)
        self.recorded.scalars.append(self._item(tokens, parse_number(tokens[3])))
        self._statistic = None

    def _read_parameter(self, tokens: Sequence[str]) -> None:
        expect_tokens(tokens, 4)
        self.recorded.parameters.append(self._item(tokens, tokens[3]))
        self._statistic = None

    def _begin_statistic(self, tokens: Sequence[str]) -> None:
        expect_tokens(tokens, 3)
        self._statistic = StatisticFields()
        self.recorded.statistics.append(self._item(tokens, self._statistic))

    def _item(self, tokens: Sequence[str], value: Value) -> Item[Value]:
        attributes: dict[str, str] = {}
        run = self.header.describe(attributes)
        return Item(run.id, tokens[1], tokens[2], value, attributes)

    def _read_statistic_line(self, tokens: Sequence[str]) -> None:
        expect_tokens(tokens, 3)
        if self._statistic is None:
            message = f"expected a `statistic` line before a line that begins with {tokens[0]!r}"
            raise LineError(message)
        if tokens[0] == "field":
            self._statistic.set_field(tokens[1], parse_number(tokens[2]))
        else:
            self._statistic.add_bin(parse_number(tokens[1]), parse_number(tokens[2]))
