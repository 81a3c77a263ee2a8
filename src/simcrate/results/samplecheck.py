"""Check samples as they are read: declared vectors, the declared shape, times that never decrease.

The checks are on whole arrays; only when one fails are the lines walked through in Python, to say which
line it is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
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
from simcrate.results.declarations import DeclaredVectors, Integers
from simcrate.results.text import LineError

Floats = npt.NDArray[np.float64]


class SampleCheck:
    """Parses the chunks of one pass over a file and vouches for their samples."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._declared = DeclaredVectors((), ())
        self._last_times: Floats = np.empty(0)

    def declare(self, declared: DeclaredVectors) -> None:
        """Take note of (further) declared vectors."""
        further = np.full(len(declared.vectors) - len(self._last_times), -np.inf)
        self._last_times = np.concatenate((self._last_times, further))
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
        heads = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1]))) if len(ids) else ids
        head_rows = self._declared.rows(ids[heads])
        if not (
            self._as_declared(parsed, heads, head_rows) and self._in_order(times, heads, head_rows)
        ):
            raise self._explain(chunk)
        return np.repeat(head_rows, np.diff(np.concatenate((heads, [len(ids)]))))

    def _as_declared(self, parsed: Rows, heads: Integers, head_rows: Integers) -> bool:
        if (head_rows < 0).any():
            return False
        declared = self._declared.has_events[head_rows]
        if isinstance(parsed.has_events, bool):
            return bool((declared == parsed.has_events).all())
        lengths = np.diff(np.concatenate((heads, [len(parsed.has_events)])))
        return bool((np.repeat(declared, lengths) == parsed.has_events).all())

    def _in_order(self, times: Floats, heads: Integers, head_rows: Integers) -> bool:
        if not len(times):
            return True
        rising = times[1:] >= times[:-1]  # false for NaN
        rising[heads[1:] - 1] = True  # another vector begins there
        if not (rising.all() and np.isfinite(times[heads]).all() and np.isfinite(times[-1])):
            return False
        tails = np.concatenate((heads[1:], [len(times)])) - 1
        if len(heads) == len(np.unique(head_rows)):
            before = self._last_times[head_rows]
            self._last_times[head_rows] = times[tails]
            return bool((times[heads] >= before).all())
        return self._in_order_across_runs(times[heads], times[tails], head_rows)

    def _in_order_across_runs(self, firsts: Floats, lasts: Floats, head_rows: Integers) -> bool:
        order = np.argsort(head_rows, kind="stable")
        rows, firsts, lasts = head_rows[order], firsts[order], lasts[order]
        same = rows[1:] == rows[:-1]
        starts = np.concatenate(([True], ~same))
        before = np.concatenate(([-np.inf], lasts[:-1]))
        before[starts] = self._last_times[rows[starts]]
        self._last_times[rows[np.concatenate((~same, [True]))]] = lasts[
            np.concatenate((~same, [True]))
        ]
        return bool((firsts >= before).all())

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
        if not last_times.get(number, -np.inf) <= time < np.inf:
            message = (
                f"expected times that never decrease within vector {number}, found {tokens[-2]} "
                f"after {last_times.get(number, -np.inf)!r}"
            )
            raise LineError(message)
        last_times[number] = time
