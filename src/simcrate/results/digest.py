"""The content digest: equal for runs that produced the same, whatever their dates, hosts and paths.

Run IDs, dates, process ids, host names and paths stand inside every result file, so equal runs never have
equal files.  The digest is over what was parsed.  Canonical form, version 1:

    text       length in bytes, then UTF-8
    integer    8 bytes, little-endian, signed; every length and number of records is one
    number     IEEE 754 binary64, little-endian; every NaN is 0x7ff8000000000000, -0 is +0
    records    their number, then each with its length before it, sorted as bytes

    run        SHA-256 of: the text `simcrate run 1`, then as records
               - iteration variables: name, value (texts)
               - scalars: module, name (texts), value
               - statistics and histograms: module, name (texts), then as numbers count, sum_weights,
                 mean, stddev, min, max, sum, sqrsum, underflow, overflow, then the integer n of bins,
                 n+1 edges and n values (neither if n = 0 for want of bins)
               - vectors: module, name (texts), the integer count, 32 bytes SHA-256 of the samples
    samples    each: time as integer of 16 bytes, little-endian, signed, in units of 10^-18 s; value
    results    SHA-256 of: the text `simcrate results 1`, then the digests of all runs (32 bytes) as records

Not in it: attributes, parameters and ini entries (they hold paths, and what they did is in the results),
event numbers (which need not be recorded), the order of anything but samples.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from simcrate.results.blocks import group_samples
from simcrate.results.datalines import EXACT_TIMES
from simcrate.results.resultset import ResultSet
from simcrate.results.runs import Run
from simcrate.results.tables import Kind

VERSION = 1
PREFIX = f"results{VERSION}:"

_SUMMARY = ("count", "sum_weights", "mean", "stddev", "min", "max", "sum", "sqrsum")
_SAMPLE = np.dtype([("time", "<u8", 2), ("value", "<f8")])


def content_digest(results: ResultSet) -> str:
    """The digest of all results, `results1:` and 64 hexadecimal digits.

    Reads every sample once, in bounded memory.

    Raises:
        ResultFormatError: something cannot be read.
    """
    digests = [digest for _, digest in _run_digests(results)]
    whole = hashlib.sha256(_text(f"simcrate results {VERSION}") + _records(digests))
    return PREFIX + whole.hexdigest()


def run_digests(results: ResultSet) -> dict[str, str]:
    """The digest of each run by its ID, in the form of `content_digest`; equal ones are copies.

    Raises:
        ResultFormatError: something cannot be read.
    """
    return {run_id: PREFIX + digest.hex() for run_id, digest in _run_digests(results)}


def _run_digests(results: ResultSet) -> list[tuple[str, bytes]]:
    scalars = _by_run(results, (Kind.SCALARS,))
    statistics = _by_run(results, (Kind.STATISTICS, Kind.HISTOGRAMS))
    vectors = _vector_records(results)
    return [
        (run.id, _run_digest(run, scalars[run.id], statistics[run.id], vectors[run.id]))
        for run in results.runs
    ]


def _run_digest(
    run: Run, scalars: Sequence[bytes], statistics: Sequence[bytes], vectors: Sequence[bytes]
) -> bytes:
    digest = hashlib.sha256(_text(f"simcrate run {VERSION}"))
    itervars = [_text(name) + _text(value) for name, value in run.itervars.items()]
    for records in (itervars, scalars, statistics, vectors):
        digest.update(_records(records))
    return digest.digest()


def _by_run(results: ResultSet, kinds: Iterable[Kind]) -> dict[str, list[bytes]]:
    records: dict[str, list[bytes]] = defaultdict(list)
    for kind in kinds:
        for row in results.table(kind).to_pylist():
            numbers = _number(row["value"]) if kind is Kind.SCALARS else _statistic(row)
            records[row["run"]].append(_text(row["module"]) + _text(row["name"]) + numbers)
    return records


def _statistic(row: Mapping[str, Any]) -> bytes:
    edges, values = row.get("edges", []), row.get("values", [])
    outside = [row.get("underflow"), row.get("overflow")]
    numbers = [*(row[name] for name in _SUMMARY), *outside]
    bins = _integer(len(values)) + b"".join(map(_number, [*edges, *values]))
    return b"".join(map(_number, numbers)) + bins


def _vector_records(results: ResultSet) -> dict[str, list[bytes]]:
    digests: dict[int, hashlib._Hash] = defaultdict(hashlib.sha256)
    for table in results.sample_tables(EXACT_TIMES):
        keys = table.column("vector").to_numpy()
        order, starts = group_samples(keys)
        samples = _samples(table)[order]
        ends = [*starts[1:].tolist(), len(keys)]
        for key, start, end in zip(
            keys[order][starts].tolist(), starts.tolist(), ends, strict=True
        ):
            digests[key].update(samples[start:end].tobytes())
    records: dict[str, list[bytes]] = defaultdict(list)
    for row in results.vectors().to_pylist():
        names = _text(row["module"]) + _text(row["name"])
        digest = digests.get(row["vector"], hashlib.sha256()).digest()
        records[row["run"]].append(names + _integer(row["count"]) + digest)
    return records


def _samples(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    samples = np.empty(table.num_rows, _SAMPLE)
    times = pa.concat_arrays(table.column("time").chunks)
    octets = np.frombuffer(times.buffers()[1], "<u8")
    samples["time"] = octets.reshape(-1, 2)[times.offset : times.offset + len(times)]
    values = table.column("value").to_numpy() + 0.0  # makes -0 +0, in a copy
    values[np.isnan(values)] = np.nan
    samples["value"] = values
    return samples


def _records(records: Iterable[bytes]) -> bytes:
    ordered = sorted(records)
    return _integer(len(ordered)) + b"".join(_integer(len(record)) + record for record in ordered)


def _text(text: str) -> bytes:
    data = text.encode()
    return _integer(len(data)) + data


def _integer(number: int) -> bytes:
    return struct.pack("<q", number)


def _number(number: float | None) -> bytes:
    if number is None or math.isnan(number):
        return struct.pack("<Q", 0x7FF8000000000000)
    return struct.pack("<d", number + 0.0)
