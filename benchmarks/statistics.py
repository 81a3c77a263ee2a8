"""Parse, statistics, tables and figures of a large OPS run, against a loop that only collects its samples.

The generated run has the shape of a real one: 100 nodes and the network, 51 statistics, 5,145 vectors of which one has
a third of all samples, some 120,000 blocks, and its index.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from benchmarks import Row
from benchmarks._peer import collect
from benchmarks._timing import peak_mb
from simcrate.statistics import shipped_catalogue

Ints = NDArray[np.int64]

SAMPLES = 53_000_000
NODES = 100
VECTORS = 5_145
ROUNDS = 24  # each vector has a block in each
DAY_S = 86_400.0
PRECISION_S = 300.0
MOST_MB = 400.0
SCRIPT = f"""
import sys
from pathlib import Path
from simcrate.results import open_results
from simcrate.statistics import find_catalogue, write_statistics
results = open_results([Path(sys.argv[1])])
write_statistics(
    results, Path(sys.argv[2]), precision_s={PRECISION_S}, catalogue=find_catalogue(results)
)
"""
HEADER = """run Large-0-20260101-00:00:00-1
attr configname Large
attr network OPSNetwork
attr repetition 0
attr runnumber 0
config sim-time-limit 86400s
"""


def run(samples: int = SAMPLES) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
        directory = Path(name)
        small = _stage(write_large_run(directory / "small", samples // 10))
        large_path = write_large_run(directory / "large", samples)
        size_gb = large_path.stat().st_size / 1e9
        large = _stage(large_path)
        started = time.perf_counter()
        collect(large_path)
        peer_s = time.perf_counter() - started
    return [
        Row(
            claim=f"parse, statistics, tables and figures of {samples / 1e6:.0f} M samples ({size_gb:.1f} GB)",
            ours=f"{large.wall_s:.1f} s ({large.cpu_s:.1f} s of processor time)",
            peer=f"Python loop that collects the samples: {peer_s:.1f} s",
            ratio=peer_s / large.wall_s,
            target=4.0,
        ),
        Row(
            claim="the same: peak memory",
            ours=f"{large.peak_mb:.0f} MB",
            peer=f"limit {MOST_MB:.0f} MB; {small.peak_mb:.0f} MB for a tenth of the samples",
            ratio=MOST_MB / large.peak_mb,
            target=1.0,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    wall_s: float
    cpu_s: float
    """Of all threads, and of the helpers that draw figures."""

    peak_mb: float


def _stage(path: Path) -> _Cost:
    """The whole stage, in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    peak = peak_mb(SCRIPT, path, path.parent / "out")
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Cost(wall_s=wall_s, cpu_s=cpu_s, peak_mb=peak)


def write_large_run(directory: Path, samples: int) -> Path:
    """Write `large.vec` and its index; the same bytes for the same number of samples."""
    random = np.random.default_rng(53)
    vectors = list(_vectors())
    shares = random.lognormal(0, 1.5, len(vectors))
    shares *= 2 / 3 / shares.sum()
    shares[-1] = 1 / 3
    per_block = np.maximum(1, (shares * samples / ROUNDS)).astype(int)
    directory.mkdir(parents=True)
    path = directory / "large.vec"
    blocks: list[str] = []
    with path.open("wb") as file:
        head = "version 3\n" + HEADER + "".join(_declaration(*v) for v in vectors)
        file.write(head.encode())
        for turn in range(ROUNDS):
            for first in range(0, len(vectors), 512):
                chosen = np.arange(first, min(first + 512, len(vectors)))
                blocks += _write_blocks(file, chosen, per_block[chosen], turn, random)
    _write_index(path, vectors, blocks)
    return path


def _vectors() -> Iterator[tuple[int, str, str]]:
    names = [entry.name for entry in shipped_catalogue("ops").entries]
    modules = [*(f"OPSNetwork.host[{i}]" for i in range(NODES)), "OPSNetwork"]
    pairs = [(module, name) for module in modules for name in names][-VECTORS:]
    for number, (module, name) in enumerate(pairs):
        yield number, module, name


def _declaration(number: int, module: str, name: str) -> str:
    return f"vector {number} {module} {name}:vector ETV\n"


def _write_blocks(
    file: BinaryIO, vectors: Ints, counts: Ints, turn: int, random: np.random.Generator
) -> list[str]:
    """Write one block of each vector; returns their lines of the index."""
    total = int(counts.sum())
    starts = np.cumsum(counts) - counts
    step = np.arange(total) - np.repeat(starts, counts)
    times = (turn + step / np.repeat(counts, counts)) * (DAY_S / ROUNDS)
    times = np.round(times, 6)
    events = (times * 100).astype(np.int64)
    values = np.round(random.normal(1000, 200, total), 3)
    table = pa.table([np.repeat(vectors, counts), events, times, values], list("abcd"))
    sink = pa.BufferOutputStream()
    options = pacsv.WriteOptions(include_header=False, delimiter="\t")
    pacsv.write_csv(table, sink, write_options=options)
    text = sink.getvalue()
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")) + 1
    offset = file.tell()
    file.write(text)
    lines = []
    begin = 0
    for vector, start, count in zip(
        vectors.tolist(), starts.tolist(), counts.tolist(), strict=True
    ):
        end, last = int(ends[start + count - 1]), start + count - 1
        part = values[start : last + 1]
        lines.append(
            f"{vector}\t{offset + begin} {end - begin} {events[start]} {events[last]} "
            f"{times[start]:.6f} {times[last]:.6f} {count} {part.min():.14g} {part.max():.14g} "
            f"{part.sum():.14g} {(part @ part):.14g}\n"
        )
        begin = end
    return lines


def _write_index(path: Path, vectors: list[tuple[int, str, str]], blocks: list[str]) -> None:
    status = path.stat()
    fingerprint = f"file {status.st_size} {int(status.st_mtime)}".ljust(64)
    head = f"{fingerprint}\nversion 3\n" + HEADER + "".join(_declaration(*v) for v in vectors)
    index = path.with_suffix(".vci")
    index.write_text(head + "".join(blocks))
    os.utime(path, (int(status.st_mtime), int(status.st_mtime)))
