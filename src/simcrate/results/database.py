"""Open somebody else's SQLite file so that reading it can do no harm.

The file is opened read-only and as immutable: nothing is written beside it, no journal is rolled back.
Only plain tables with stored columns are read, never views, virtual tables or generated columns; the
schema is not trusted to call functions.  A damaged file can pretend to have more rows than it has room
for: that ends with an error.

Source: SQLite, "Defense Against The Dark Arts" and "Result and Error Codes".
"""

from __future__ import annotations

import math
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from simcrate.errors import ResultFormatError

MAGIC = b"SQLite format 3\0"

_BATCH_ROWS = 1 << 16
_MAX_VALUE_BYTES = 16 << 20
_HEADER = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON", "PRAGMA query_only = ON")

Cell = int | float | str | bytes | None
Row = tuple[Cell, ...]
Columns = tuple[str, Sequence[str]]
"""A table and some of its columns."""

RowRange = tuple[int, int]
"""Row numbers of the first and last row."""

EVERY_ROW: RowRange = (-(1 << 63), (1 << 63) - 1)


def is_database(path: Path) -> bool:
    """Whether a file begins as SQLite files do."""
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


class Database:
    """The tables of one file; every method raises ResultFormatError for a damaged one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._row_limit = path.stat().st_size  # a row takes more than a byte
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        try:
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            weakref.finalize(self, self._connection.close)
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
            for statement in _HEADER:
                self._connection.execute(statement)
            self._tables = self._find_tables()
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def first(self, *alternatives: Columns) -> Columns | None:
        """The first of some tables that is there with all these columns; names differ between versions."""
        for table, columns in alternatives:
            if {column.lower() for column in columns} <= self._tables.get(table.lower(), set()):
                return table, columns
        return None

    def rows(self, *alternatives: Columns) -> Iterator[Row]:
        """Rows of the first table that is there with all these columns; none if there is none."""
        found = self.first(*alternatives)
        if found is not None:
            for batch in self.batches(found):
                yield from batch

    def batches(
        self,
        found: Columns,
        *,
        equal: tuple[str, int] | None = None,
        ranges: Iterable[RowRange] = (EVERY_ROW,),
    ) -> Iterator[list[Row]]:
        """Rows of a table in the order they were written, some ten thousand at a time.

        Args:
            found: what `first` gave.
            equal: a column and the number in it that is wanted.
            ranges: which row numbers are wanted, ranges in rising order.
        """
        table, columns = found
        where, values = (f' AND "{equal[0]}" = ?', (equal[1],)) if equal else ("", ())
        names = ", ".join(f'"{column}"' for column in columns)
        statement = (
            f'SELECT {names} FROM "{table}" WHERE rowid BETWEEN ? AND ?{where} ORDER BY rowid'  # noqa: S608 - our own names
        )
        count = 0
        rows: list[Row] = []
        try:
            for first_and_last in ranges:
                cursor = self._connection.execute(statement, (*first_and_last, *values))
                while more := cursor.fetchmany(_BATCH_ROWS - len(rows)):
                    count += len(more)
                    if count > self._row_limit:
                        raise self.error(
                            f"the table {table!r} has more rows than the file has room for"
                        )
                    rows += more
                    if len(rows) == _BATCH_ROWS:
                        yield rows
                        rows = []
        except (sqlite3.Error, OverflowError) as error:
            raise self._damaged(error) from error
        if rows:
            yield rows

    def text(self, cell: Cell) -> str:
        """A cell that must hold text."""
        if isinstance(cell, str):
            return cell
        raise self.error(f"expected text, found {cell!r:.60}")

    def whole(self, cell: Cell) -> int:
        """A cell that must hold a whole number."""
        if isinstance(cell, int):
            return cell
        raise self.error(f"expected a whole number, found {cell!r:.60}")

    def number(self, cell: Cell) -> float:
        """A cell that must hold a number; NULL is NaN, which SQLite cannot store."""
        if cell is None:
            return math.nan
        if isinstance(cell, int | float):
            return float(cell)
        raise self.error(f"expected a number, found {cell!r:.60}")

    def error(self, message: str) -> ResultFormatError:
        """The error that this file is not what it should be."""
        return ResultFormatError(message, file=self._path)

    def _find_tables(self) -> dict[str, set[str]]:
        """Plain tables and their stored columns, all in lower case."""
        names = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
        tables = {}
        for (name,) in names:
            columns = self._connection.execute(
                "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (name,)
            ).fetchall()
            tables[str(name).lower()] = {str(column).lower() for (column,) in columns}
        return tables

    def _damaged(self, error: Exception) -> ResultFormatError:
        return self.error(f"expected a sound SQLite database, SQLite says: {error}")
