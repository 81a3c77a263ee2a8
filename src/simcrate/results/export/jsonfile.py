"""Write results as one JSON document, vectors streamed.

NaN is `null`, as JSON has no NaN; infinities are the texts `"Infinity"` and `"-Infinity"`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from simcrate.results.datalines import FLOATS
from simcrate.results.resultset import ResultSet
from simcrate.results.runs import Run
from simcrate.results.tables import Kind

_LEFT_OUT = {"vector"}


def write_json(results: ResultSet, stream: BinaryIO, *, filter: str = "") -> None:  # noqa: A002
    """Write `{"runs": [...], "scalars": [...], ..., "vectors": [...]}`.

    Args:
        results: what to write.
        stream: where to, UTF-8.
        filter: a match expression that takes items; runs are written in any case.
    """
    stream.writelines(_document(results, filter))


def plain(value: object) -> object:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    if isinstance(value, Mapping):
        return {key: plain(element) for key, element in value.items()}
    return value


def _document(results: ResultSet, filter: str) -> Iterator[bytes]:  # noqa: A002
    yield b'{"runs": ['
    yield from _separated(_dump(_run(run)) for run in results.runs)
    for kind in Kind:
        yield b'],\n"%s": [' % str(kind).encode()
        rows = results.rows(kind, filter)
        if kind is Kind.VECTORS:
            yield from _separated_parts(_vector(results, row, found) for row, found in rows)
        else:
            yield from _separated(_dump(_item(row, found)) for row, found in rows)
    yield b"]}\n"


def _run(run: Run) -> dict[str, object]:
    return {
        "run": run.id,
        "attributes": dict(run.attributes),
        "itervars": dict(run.itervars),
        "config": run.config,
    }


def _item(row: Mapping[str, object], attributes: Mapping[str, str]) -> dict[str, object]:
    known = {name: value for name, value in row.items() if name not in _LEFT_OUT}
    return {**known, "attributes": dict(attributes)}


def _vector(
    results: ResultSet, row: Mapping[str, object], attributes: Mapping[str, str]
) -> Iterator[bytes]:
    vector = row["vector"]
    assert isinstance(vector, int)
    yield _dump(_item(row, attributes)).removesuffix(b"}")
    for column in ("time", "value"):
        yield b', "%s": [' % column.encode()
        tables = (table for table in results.vector_tables(vector, FLOATS) if table.num_rows)
        yield from _separated(_dump(table.column(column).to_pylist())[1:-1] for table in tables)
        yield b"]"
    yield b"}"


def _dump(value: object) -> bytes:
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False).encode()


def _separated(parts: Iterator[bytes]) -> Iterator[bytes]:
    return _separated_parts(iter((part,)) for part in parts)


def _separated_parts(elements: Iterator[Iterator[bytes]]) -> Iterator[bytes]:
    between = b""
    for element in elements:
        yield between
        yield from element
        between = b",\n"
