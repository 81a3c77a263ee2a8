"""Check samples as they are read: declared vectors, the declared shape, times that never decrease.

The checks are on whole arrays; only when one fails are the lines walked through in Python, to say which
line it is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from simcrate.errors import ResultFormatError
from simcrate.results.chunks import Chunk, format_error
from simcrate.results.datalines import (
    FaultyLineError,
    Layout,
    Rows,
    SortedLines,
    parse_rows,
    regular_tokens,
)
from simcrate.results.declarations import DeclaredVectors
from simcrate.results.text import LineError
from simcrate.results.timeorder import LATEST_S, Integers, TimeOrder, run_starts


class SampleCheck:
    """Parses the chunks of one pass over a file and vouches for their samples."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._declared = DeclaredVectors((), ())
        self._order = TimeOrder(0)

    def declare(self, declared: DeclaredVectors) -> None:
        """Take note of (further) declared vectors."""
        self._order.extend(len(declared.vectors))
        self._declared = declared

    def parse(self, chunk: Chunk, layout: Layout) -> tuple[pa.Table, Integers]:
        """The samples of a chunk, and the row of the declared vector of each.

        Raises:
            ResultFormatError: a sample is not what the file's declarations say; names its line.
        """
        try:
            parsed = parse_rows(chunk.data, layout)
        except FaultyLineError as error:
            raise format_error(self._path, str(error), chunk.offset(error.position)) from error
        return parsed.table, self.rows(chunk, parsed)

    def rows(self, chunk: Chunk, parsed: Rows) -> Integers:
        """The row of the declared vector of each sample.

        Raises:
            ResultFormatError: a sample is not what the file's declarations say; names its line.
        """
        ids = parsed.table.column("id").to_numpy()
        times = parsed.table.column("time").cast(pa.float64()).to_numpy()
        starts = run_starts(ids)
        rows = self._declared.rows(ids[starts])
        lengths = np.diff(np.concatenate((starts, [len(ids)])))
        if not (
            self._as_declared(parsed, rows, lengths) and self._order.holds(times, starts, rows)
        ):
            raise self._explain(chunk)
        return np.repeat(rows, lengths)

    def _as_declared(self, parsed: Rows, rows: Integers, lengths: Integers) -> bool:
        if (rows < 0).any():
            return False
        declared = self._declared.has_events[rows]
        if isinstance(parsed.has_events, bool):
            return bool((declared == parsed.has_events).all())
        return bool((np.repeat(declared, lengths) == parsed.has_events).all())

    def _explain(self, chunk: Chunk) -> ResultFormatError:
        """Walk through the lines of a chunk in which something is wrong until it shows."""
        last_times: dict[int, float] = {}
        lines = SortedLines(chunk.data)
        for number in lines.data_lines.tolist():
            try:
                self._check_line(lines.text(number), last_times)
            except LineError as error:
                return format_error(self._path, str(error), chunk.offset(int(lines.starts[number])))
        message = "expected times that never decrease within a vector, found an earlier one"
        return format_error(self._path, message, chunk.offset(0))

    def _check_line(self, line: bytes, last_times: dict[int, float]) -> None:
        tokens = regular_tokens(line)
        number, time = int(tokens[0]), float(tokens[-2])
        row = int(self._declared.rows(np.array([number]))[0])
        if row < 0:
            message = f"expected data of declared vectors, found vector {number}"
            raise LineError(message)
        vector = self._declared.vectors[row]
        if vector.has_events != (len(tokens) == 4):
            columns = "ETV" if vector.has_events else "TV"
            message = (
                f"expected the columns {columns} of vector {number}, found {len(tokens)} fields"
            )
            raise LineError(message)
        if not last_times.get(number, -LATEST_S) <= time < LATEST_S:
            message = (
                f"expected times that never decrease within vector {number}, found {tokens[-2]} "
                f"after {last_times.get(number, -LATEST_S)!r}"
            )
            raise LineError(message)
        last_times[number] = time
