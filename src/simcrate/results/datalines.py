"""Parse the data lines of `.vec` files into Arrow arrays.

The bulk goes through Arrow's CSV parser.  Lines that it cannot take (declarations in between, vectors
with and without event numbers mixed, blanks as separators, numbers as some C library prints them) are
sorted out first, and only the few odd ones among them are looked at in Python.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

from simcrate.results.declarations import Booleans
from simcrate.results.text import MAX_LINE_BYTES, LineError, parse_count, parse_number, split
from simcrate.results.timeorder import Integers

_ETV_TABS, _TV_TABS = 3, 2
_NEWLINE, _TAB, _ZERO, _NINE = b"\n\t09"
_BLOCK_BYTES = 4 << 20  # what one thread of Arrow's parser takes at a time
_HEAD_BYTES = 256  # enough to see the shape of a first line
_PARSING = pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How times and values are wanted."""

    time: pa.DataType
    value: pa.DataType
    events: bool
    """Whether event numbers are wanted."""


FLOATS = Layout(time=pa.float64(), value=pa.float64(), events=False)
FLOATS_AND_EVENTS = Layout(time=pa.float64(), value=pa.float64(), events=True)
EXACT_TIMES = Layout(time=pa.decimal128(38, 18), value=pa.float64(), events=False)
TEXT = Layout(time=pa.string(), value=pa.string(), events=False)


@dataclass(frozen=True, slots=True)
class Rows:
    """Parsed data lines, in the order of the file."""

    table: pa.Table
    """id int64, event int64 (if wanted; null where not recorded), time, value."""

    has_events: bool | Booleans
    """Whether the lines have event numbers: all of them, or each."""


class FaultyLineError(LineError):
    """A line that is not what the format says, at a known position in its chunk."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def parse_rows(data: pa.Buffer, layout: Layout) -> Rows:
    """Parse the data lines among whole lines; others are left out.

    Raises:
        FaultyLineError: a data line has a wrong number of fields or something that is no number.
    """
    rows = _parse_pure(data, layout)
    return SortedLines(data).parse(layout) if rows is None else rows


class SortedLines:
    """The lines of a chunk, sorted by shape.

    Raises:
        FaultyLineError: a line is longer than MAX_LINE_BYTES.
    """

    def __init__(self, data: pa.Buffer) -> None:
        self._data = data
        octets = np.frombuffer(data, np.uint8)
        self.ends: Integers = np.flatnonzero(octets == _NEWLINE)
        self.starts: Integers = np.concatenate(([0], self.ends[:-1] + 1))[: len(self.ends)]
        self._refuse_long_lines()
        first = octets[self.starts]
        self._is_data = (first >= _ZERO) & (first <= _NINE)
        tabs = np.flatnonzero(octets == _TAB)
        self._tabs = np.searchsorted(tabs, self.ends) - np.searchsorted(tabs, self.starts)

    @property
    def data_lines(self) -> Integers:
        """Numbers of the data lines, from 0."""
        return np.flatnonzero(self._is_data)

    def others(self) -> tuple[Integers, list[bytes]]:
        """The lines that are not data, and their positions in the chunk."""
        others = np.flatnonzero(~self._is_data)
        positions = self.starts[others]
        view = memoryview(self._data)
        places = zip(positions.tolist(), self.ends[others].tolist(), strict=True)
        return positions, [view[start:end].tobytes().rstrip(b"\r") for start, end in places]

    def parse(self, layout: Layout) -> Rows:
        """Parse the data lines.

        Raises:
            FaultyLineError: a data line has a wrong number of fields or something that is no number.
        """
        with_events = self._is_data & (self._tabs == _ETV_TABS)
        without_events = self._is_data & (self._tabs == _TV_TABS)
        odd = np.flatnonzero(self._is_data & ~with_events & ~without_events)
        parts = [
            *self._parse_part(np.flatnonzero(with_events), layout, has_events=True),
            *self._parse_part(np.flatnonzero(without_events), layout, has_events=False),
            *self._parse_odd(odd, layout),
        ]
        return _in_order(parts, layout)

    def _parse_part(self, lines: Integers, layout: Layout, *, has_events: bool) -> list[_Part]:
        try:
            table = _parse(self._block(lines), layout, has_events=has_events)
            if table.num_rows == len(lines):
                return [_Part(lines, table, has_events)]
        except pa.ArrowInvalid:
            pass
        return self._parse_odd(lines, layout)

    def _parse_odd(self, lines: Integers, layout: Layout) -> list[_Part]:
        numbers: dict[bool, list[int]] = {True: [], False: []}
        texts: dict[bool, list[bytes]] = {True: [], False: []}
        for line in lines.tolist():
            try:
                tokens = regular_tokens(self.text(line))
            except LineError as error:
                raise FaultyLineError(str(error), int(self.starts[line])) from error
            has_events = len(tokens) == _ETV_TABS + 1
            numbers[has_events].append(line)
            texts[has_events].append("\t".join(tokens).encode() + b"\n")
        parts = []
        for has_events in (True, False):
            try:
                data = pa.py_buffer(b"".join(texts[has_events]))
                table = _parse(data, layout, has_events=has_events)
            except pa.ArrowInvalid as error:  # only exact times are narrower than `regular_tokens`
                message = f"expected times below 10^20 s with at most 18 decimals, {error}"
                raise FaultyLineError(message, int(self.starts[lines[0]])) from error
            parts.append(_Part(np.array(numbers[has_events], np.int64), table, has_events))
        return parts

    def text(self, line: int) -> bytes:
        """One line, without its end."""
        start, end = int(self.starts[line]), int(self.ends[line])
        return memoryview(self._data)[start:end].tobytes()

    def _block(self, lines: Integers) -> pa.Buffer:
        breaks = np.flatnonzero(np.diff(lines) != 1)
        firsts = self.starts[lines[np.concatenate(([0], breaks + 1))[: len(lines)]]].tolist()
        lasts = self.ends[lines[np.concatenate((breaks, [len(lines) - 1]))[: len(lines)]]].tolist()
        view = memoryview(self._data)
        return pa.py_buffer(b"".join(view[a : b + 1] for a, b in zip(firsts, lasts, strict=True)))

    def _refuse_long_lines(self) -> None:
        too_long = self.ends - self.starts > MAX_LINE_BYTES
        if too_long.any():
            message = f"expected lines of at most {MAX_LINE_BYTES} bytes, found a longer one"
            raise FaultyLineError(message, int(self.starts[too_long.argmax()]))


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of one shape."""

    lines: Integers
    table: pa.Table
    has_events: bool


def regular_tokens(line: bytes) -> list[str]:
    """The fields of a data line, in a form that Arrow reads too.

    Raises:
        LineError: there are too few or too many, or one is not a number.
    """
    tokens = split(line)
    if len(tokens) not in (_TV_TABS + 1, _ETV_TABS + 1):
        message = f"expected `ID TIME VALUE` or `ID EVENT TIME VALUE`, found {len(tokens)} fields"
        raise LineError(message)
    *whole, time, value = tokens
    for token in whole:
        parse_count(token)
    return [*whole, _regular(time), _regular(value)]


def _regular(token: str) -> str:
    number = parse_number(token)
    return token if math.isfinite(number) else repr(number)


def _parse_pure(data: pa.Buffer, layout: Layout) -> Rows | None:
    """Data lines of one shape and nothing else, or None."""
    head = data.slice(0, min(data.size, _HEAD_BYTES)).to_pybytes().partition(b"\n")[0]
    has_events = head.count(b"\t") == _ETV_TABS
    try:
        return Rows(_parse(data, layout, has_events=has_events), has_events)
    except pa.ArrowInvalid:
        return None


def _parse(data: pa.Buffer, layout: Layout, *, has_events: bool) -> pa.Table:
    names = ["id", "event", "time", "value"] if has_events else ["id", "time", "value"]
    wanted = [name for name in names if name != "event" or layout.events]
    types = {"id": pa.int64(), "event": pa.int64(), "time": layout.time, "value": layout.value}
    if not data.size:
        return pa.schema([(name, types[name]) for name in wanted]).empty_table()
    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(
            column_names=names,
            block_size=_BLOCK_BYTES,
            use_threads=data.size > _BLOCK_BYTES,  # for less, starting them costs more
        ),
        parse_options=_PARSING,
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, include_columns=wanted, null_values=[], check_utf8=False
        ),
    )
    if layout.events and not has_events:
        return table.add_column(1, "event", pa.nulls(table.num_rows, pa.int64()))
    return table


def _in_order(parts: list[_Part], layout: Layout) -> Rows:
    parts = [part for part in parts if len(part.lines)]
    if not parts:
        return Rows(_parse(pa.py_buffer(b""), layout, has_events=True), True)
    if len(parts) == 1:
        return Rows(parts[0].table, parts[0].has_events)
    order = np.argsort(np.concatenate([part.lines for part in parts]), kind="stable")
    table = pa.concat_tables([part.table for part in parts]).take(order)
    has_events = np.concatenate([np.full(len(part.lines), part.has_events) for part in parts])
    return Rows(table, has_events[order])
