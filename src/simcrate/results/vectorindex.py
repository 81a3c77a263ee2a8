"""Read the blocks of a `.vci` index; `indexcheck` decides whether to believe them.

Only the fingerprint and the blocks are taken from the index: which vectors there are is read from the
`.vec` itself, since an index that another tool rebuilt leaves out vectors without samples.

Source: OMNeT++ Simulation Manual, appendix "Result File Formats".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from simcrate.results.blocks import UNKNOWN, Blocks
from simcrate.results.declarations import DeclaredVectors
from simcrate.results.header import VERSIONS

MAX_INDEX_BYTES = 1 << 30  # of ours; a real one has about a hundred bytes per block

_ETV_BLOCK = "id offset length first_event last_event first_time last_time count min max sum sqrsum"
_TV_BLOCK = "id offset length first_time last_time count min max sum sqrsum"
_WHOLE = {"id", "offset", "length", "count"}
_PARSING = pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False)


class UnusableIndexError(Exception):
    """The index cannot be believed; the text says why, as half a sentence."""


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """What a `.vci` file says."""

    size_bytes: int | None
    """Size of the `.vec` that it was written for; None while the run goes on, or after a kill."""

    mtime_s: int | None
    """Modification time of that, seconds since the epoch."""

    table: pa.Table
    """Blocks, with the vector's number in the file as `id`."""

    def blocks(self, declared: DeclaredVectors) -> Blocks:
        """The blocks, in the order of the file.

        Raises:
            UnusableIndexError: it has a block of a vector that the `.vec` does not declare.
        """
        column = {name: self.table.column(name).to_numpy() for name in self.table.column_names}
        order = np.argsort(column["offset"], kind="stable")
        rows = declared.rows(column["id"])
        if (rows < 0).any():
            message = (
                f"it has blocks of vector {column['id'][rows.argmin()]}, which is not declared"
            )
            raise UnusableIndexError(message)
        blocks = Blocks(
            row=rows,
            offset=column["offset"],
            length=column["length"],
            first_time_s=column["first_time"],
            last_time_s=column["last_time"],
            count=column["count"],
            min=column["min"],
            max=column["max"],
            sum=column["sum"],
            sqrsum=column["sqrsum"],
            nan_count=np.where(np.isnan(column["sum"]), UNKNOWN, 0),
        )
        return blocks.take(order)


def read_index(path: Path) -> VectorIndex:
    """Read a `.vci` file.

    Raises:
        UnusableIndexError: there is none, or it is not one.
    """
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            message = "it is larger than any index"
            raise UnusableIndexError(message)
        data = path.read_bytes()
    except FileNotFoundError:
        message = "there is none"
        raise UnusableIndexError(message) from None
    except OSError as error:
        message = f"it cannot be read ({error.strerror})"
        raise UnusableIndexError(message) from error
    fingerprint, *lines = data.split(b"\n")[:-1] or [b""]  # the last one has no end
    size_bytes, mtime_s = _fingerprint(fingerprint)
    if not lines or lines[0].split()[:1] != [b"version"] or lines[0].split()[1:] not in _VERSIONS:
        message = "its second line is not `version 2` or `version 3`"
        raise UnusableIndexError(message)
    return VectorIndex(
        size_bytes, mtime_s, _parse_blocks([line for line in lines if line[:1].isdigit()])
    )


_VERSIONS = [[version.encode()] for version in VERSIONS]


def _fingerprint(line: bytes) -> tuple[int | None, int | None]:
    tokens = line.split()
    if not tokens:
        return None, None
    if len(tokens) == 3 and tokens[0] == b"file" and tokens[1].isdigit() and tokens[2].isdigit():
        return int(tokens[1]), int(tokens[2])
    message = "its first line is not `file SIZE TIME`"
    raise UnusableIndexError(message)


def _parse_blocks(lines: list[bytes]) -> pa.Table:
    with_events = _parse(lines, _ETV_BLOCK)
    if with_events is not None:
        return with_events
    parts = [_parse(_with_fields_of(names, lines), names) for names in (_ETV_BLOCK, _TV_BLOCK)]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts) or sum(part.num_rows for part in whole) < len(lines):
        message = "a block has a wrong number of fields, or something that is no number"
        raise UnusableIndexError(message)
    return pa.concat_tables(whole)


def _with_fields_of(names: str, lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if line.count(b" ") == names.count(" ") - 1]


def _parse(lines: list[bytes], names: str) -> pa.Table | None:
    """The blocks, or None if not all of them are blocks with these fields."""
    wanted = _TV_BLOCK.split()
    types = {name: pa.int64() if name in _WHOLE else pa.float64() for name in wanted}
    if not lines:
        return pa.schema(types.items()).empty_table()
    try:
        return pyarrow.csv.read_csv(
            pa.py_buffer(b"\n".join(lines).replace(b"\t", b" ")),
            read_options=pyarrow.csv.ReadOptions(column_names=names.split(), use_threads=False),
            parse_options=_PARSING,
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, include_columns=wanted, null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        return None
