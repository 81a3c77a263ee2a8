"""Read all samples, grouped samples, summaries and one vector, against a loop that collects the samples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import Row
from benchmarks._peer import collect
from benchmarks._timing import best_cpu_s
from benchmarks._vectorfile import Shape, write
from simcrate.results import open_results

MEDIUM = Shape(vectors=256, blocks=402, samples_per_block=3484)
LARGE = Shape(vectors=1212, blocks=19_217, samples_per_block=920)
FEW = Shape(vectors=50, blocks=1200, samples_per_block=10_000)
MANY = Shape(vectors=5000, blocks=120_000, samples_per_block=100)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
        directory = Path(name)
        medium = write(directory / "medium.vec", MEDIUM)
        large = write(directory / "large.vec", LARGE)
        return [
            *_rows(medium, MEDIUM, rounds=5),
            *_rows(large, LARGE, rounds=2),
            _one_vector(medium, large),
            _many_vectors(directory),
        ]


def read_all(path: Path) -> int:
    return sum(batch.num_rows for batch in open_results([path]).all_samples())


def read_grouped(path: Path) -> int:
    results = open_results([path])
    keys = results.vectors().column("vector").to_pylist()
    return sum(results.read_vector(key).num_rows for key in keys)


def _rows(path: Path, shape: Shape, rounds: int) -> list[Row]:
    size = f"{path.stat().st_size / 1e6:.0f} MB"
    peer_s = best_cpu_s(lambda: collect(path), min(rounds, 2))
    claims: list[tuple[str, Callable[[], object], float]] = [
        ("all samples, in the order of the file", lambda: read_all(path), 10),
        ("all samples, grouped by vector", lambda: read_grouped(path), 5),
        ("summaries of all vectors, by the index", lambda: open_results([path]).vectors(), 500),
    ]
    rows = []
    for claim, work, target in claims:
        ours_s = best_cpu_s(work, rounds)
        rows.append(
            Row(
                claim=f"{claim} ({size}, {shape.vectors} vectors)",
                ours=f"{ours_s:.4g} s",
                peer=f"loop {peer_s:.1f} s",
                ratio=peer_s / ours_s,
                target=target,
            )
        )
    return rows


def _one_vector(medium: Path, large: Path) -> Row:
    """One vector of a file fifteen times as large, with ten times the samples."""
    medium_s, large_s = (_read_one_s(path) for path in (medium, large))
    own = (LARGE.samples / LARGE.vectors) / (MEDIUM.samples / MEDIUM.vectors)
    return Row(
        claim=f"one vector of a larger file: time by its own size (x {own:.1f}), not the file's",
        ours=f"{large_s * 1e3:.1f} ms",
        peer=f"of the smaller file {medium_s * 1e3:.1f} ms",
        ratio=max(own, 1) * medium_s / large_s,
        target=0.5,
    )


def _read_one_s(path: Path) -> float:
    results = open_results([path])
    results.vectors()
    return best_cpu_s(lambda: results.read_vector(3), 10)


def _many_vectors(directory: Path) -> Row:
    few = write(directory / "few.vec", FEW)
    many = write(directory / "many.vec", MANY)
    few_s, many_s = best_cpu_s(lambda: read_all(few), 2), best_cpu_s(lambda: read_all(many), 2)
    per_sample = (many_s / MANY.samples) / (few_s / FEW.samples)
    return Row(
        claim="5,000 vectors in 120,000 blocks: time per sample, against 50 vectors in 1,200",
        ours=f"{many_s / MANY.samples * 1e9:.0f} ns",
        peer=f"50 vectors {few_s / FEW.samples * 1e9:.0f} ns",
        ratio=1 / per_sample,
        target=1 / 1.5,
    )
