"""Export everything as Parquet and CSV-R, against a loop that only collects the samples."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import Row
from benchmarks._peer import collect
from benchmarks._timing import best_cpu_s
from benchmarks._vectorfile import Shape, write
from simcrate.results import open_results
from simcrate.results.export import write_csv, write_parquet

SHAPE = Shape(vectors=256, blocks=1600, samples_per_block=3484)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
        directory = Path(name)
        path = write(directory / "results.vec", SHAPE)
        size = f"{path.stat().st_size / 1e6:.0f} MB"
        peer_s = best_cpu_s(lambda: collect(path), 2)
        parquet_s = best_cpu_s(lambda: write_parquet(open_results([path]), directory / "parquet"))
        csv_s = best_cpu_s(lambda: export_csv(path, directory / "results.csv"))
    return [
        Row(
            claim=f"export everything as {name} ({size})",
            ours=f"{ours_s:.2f} s",
            peer=f"loop {peer_s:.1f} s",
            ratio=peer_s / ours_s,
            target=target,
        )
        for name, ours_s, target in (("Parquet", parquet_s, 5.0), ("CSV-R", csv_s, 2.0))
    ]


def export_csv(path: Path, target: Path) -> None:
    with target.open("wb") as stream:
        write_csv(open_results([path]), stream)
