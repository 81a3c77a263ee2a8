"""Write results as Parquet files, one per kind of item, in a directory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from simcrate.durable import replacing
from simcrate.results.resultset import ResultSet
from simcrate.results.tables import ALL_SAMPLES, SAMPLES, Kind

_ROW_GROUP_ROWS = 1 << 20
_ENCODINGS = {  # a third smaller than the default, and faster
    "time_s": "BYTE_STREAM_SPLIT",
    "value": "BYTE_STREAM_SPLIT",
    "event": "DELTA_BINARY_PACKED",
}

RUNS = pa.schema(
    [
        pa.field("run", pa.string()),
        pa.field("group", pa.string()),
        pa.field("position", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("value", pa.string()),
    ]
)
"""What is known about runs: `group` is `attribute`, `itervar` or `config`, `position` the order in it."""


def write_parquet(results: ResultSet, directory: Path, *, filter: str = "") -> list[Path]:  # noqa: A002
    """Write `runs.parquet`, `scalars.parquet`, ..., `attributes.parquet` and `samples.parquet`.

    Args:
        results: what to write.
        directory: where to; made if it is not there.
        filter: a match expression that takes items; runs are written in any case.

    Returns:
        the files.  Samples have the columns of `tables.ALL_SAMPLES` and `event`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tables = {"runs": _runs(results)}
    tables |= {str(kind): results.table(kind, filter) for kind in Kind}
    tables["attributes"] = pa.concat_tables(
        [
            results.attributes(kind, filter).add_column(0, "kind", _repeat(results, kind, filter))
            for kind in Kind
        ]
    )
    return [
        *(_write_table(table, directory / f"{name}.parquet") for name, table in tables.items()),
        _write_samples(results, directory / "samples.parquet", filter),
    ]


def _write_table(table: pa.Table, target: Path) -> Path:
    with replacing(target) as stream:
        pq.write_table(table, stream)
    return target


def _write_samples(results: ResultSet, target: Path, filter: str) -> Path:  # noqa: A002
    schema = ALL_SAMPLES.append(SAMPLES.field("event"))
    with (
        replacing(target) as stream,
        pq.ParquetWriter(
            stream, schema, use_dictionary=["vector"], column_encoding=_ENCODINGS
        ) as writer,
    ):
        held: list[pa.RecordBatch] = []
        held_rows = 0
        for batch in results.all_samples(filter, events=True):
            held.append(batch)
            held_rows += batch.num_rows
            if held_rows >= _ROW_GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(held, schema))
                held, held_rows = [], 0
        writer.write_table(pa.Table.from_batches(held, schema))
    return target


def _repeat(results: ResultSet, kind: Kind, filter: str) -> pa.Array:  # noqa: A002
    return pa.repeat(str(kind), results.attributes(kind, filter).num_rows)


def _runs(results: ResultSet) -> pa.Table:
    rows = [
        (run.id, group, position, name, value)
        for run in results.runs
        for group, pairs in (
            ("attribute", list(run.attributes.items())),
            ("itervar", list(run.itervars.items())),
            ("config", list(run.config)),
        )
        for position, (name, value) in enumerate(pairs)
    ]
    columns = zip(*rows, strict=True) if rows else ([] for _ in RUNS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, RUNS, strict=True)]
    return pa.table(arrays, schema=RUNS)
